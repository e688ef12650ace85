import type { LeaseCandidate, StorePosition } from './control-store.ts'
import type { Row, SqlDatabase, SqlSession } from './sql.ts'
import { StoreError } from './store-error.ts'

/** A lease that does not run out: the file lock ends it. */
const foreverMs = 8_640_000_000_000_000

/** Statements of the lease and of the counters, for one store on one database. */
export class SqlLease {
  readonly #database: SqlDatabase
  readonly #storeId: string

  constructor(database: SqlDatabase, storeId: string) {
    this.#database = database
    this.#storeId = storeId
  }

  async position(sql: SqlSession): Promise<StorePosition> {
    const row = await sql.get(
      `SELECT store_id, version, revision, (SELECT max(id) FROM events) AS last_event,
        term, holder, address, until_ms - ${this.#database.nowMs} AS remaining_ms
        FROM meta, lease`,
    )
    this.#checkIdentity(row)
    return {
      version: Number(row.version),
      revision: Number(row.revision),
      lastEvent: Number(row.last_event ?? 0),
      leadership: {
        term: Number(row.term),
        holder: String(row.holder),
        address: String(row.address),
        remainingMs: Number(row.remaining_ms),
      },
    }
  }

  /**
   * The fence, at the beginning of every write: refuses a term that has run out or is over, and keeps the lease from being taken until
   * this transaction ends. So no write of a term is committed after the first one of the next.
   */
  async hold(sql: SqlSession, term: number): Promise<void> {
    const row = await sql.get(
      `SELECT store_id FROM lease, meta WHERE term = ? AND until_ms > ${this.#database.nowMs} ${this.#database.holdLease}`,
      term,
    )
    if (row === undefined) {
      throw new StoreError('not-leading', `the lease of term ${term} is over: nothing was changed`)
    }
    this.#checkIdentity(row)
  }

  async acquire(sql: SqlSession, candidate: LeaseCandidate, lengthMs: number): Promise<number | undefined> {
    const { nowMs, takeLease, exclusive } = this.#database
    const select = `SELECT store_id, term, until_ms, ${nowMs} AS now_ms FROM lease, meta`
    // Looks before it locks, so that a standby that waits disturbs nobody.
    const seen = await sql.get(select)
    this.#checkIdentity(seen)
    if (!exclusive && Number(seen.until_ms) > Number(seen.now_ms)) return undefined
    const row = await sql.get(`${select} ${takeLease}`)
    this.#checkIdentity(row)
    const now = Number(row.now_ms)
    if (!exclusive && Number(row.until_ms) > now) return undefined
    const term = nextTerm(Number(row.term), now)
    const until = exclusive ? foreverMs : now + lengthMs
    const { holder, address } = candidate
    await sql.all(
      'UPDATE lease SET term = ?, holder = ?, address = ?, until_ms = ?',
      term,
      holder,
      address,
      until,
    )
    return term
  }

  async renew(sql: SqlSession, term: number, lengthMs: number): Promise<boolean> {
    const { nowMs, exclusive } = this.#database
    if (exclusive) return (await sql.get('SELECT term FROM lease WHERE term = ?', term)) !== undefined
    const row = await sql.get(
      `UPDATE lease SET until_ms = ${nowMs} + ? WHERE term = ? AND until_ms > ${nowMs} RETURNING term`,
      lengthMs,
      term,
    )
    return row !== undefined
  }

  async release(sql: SqlSession, term: number): Promise<void> {
    await sql.all('UPDATE lease SET until_ms = 0 WHERE term = ?', term)
  }

  /** A database that was emptied or exchanged under us must not be taken for an empty store. */
  #checkIdentity(row: Row | undefined): asserts row is Row {
    if (row?.store_id === this.#storeId) return
    throw new StoreError(
      'store-corrupt',
      row === undefined
        ? 'the database has lost the identity of the store. Restore it from a backup'
        : `the database holds another store now (${row.store_id} instead of ${this.#storeId}). Start this process again if that is meant`,
    )
  }
}

/**
 * The seconds since 1970, or one more than the last term when that is larger. So a store restored from a backup gets a term beyond all
 * that were given after the backup was made, and its documents are taken (semantics "Placement").
 */
export function nextTerm(last: number, nowMs: number): number {
  return Math.max(last + 1, Math.floor(nowMs / 1000))
}
