import type { PlacementDocument } from '../../core/placement.ts'
import type {
  AuditRow,
  Authority,
  Change,
  ControlState,
  ControlStore,
  LeaseCandidate,
  PendingDeletion,
  ResourceKind,
  StoredResource,
  StorePosition,
  StoreSnapshot,
} from './control-store.ts'
import { placementDocument } from './placement-document.ts'
import type { OperationQuery } from './records.ts'
import type { SqlDatabase, SqlSession } from './sql.ts'
import { SqlLease } from './sql-lease.ts'
import {
  forgetOldEvents,
  readEvents,
  readFollowers,
  readFreezes,
  readMoves,
  readOperation,
  readOperations,
  readSteps,
  writeFollowers,
  writeRecord,
} from './sql-records.ts'
import {
  deleteResource,
  place,
  putProvisioned,
  putResource,
  readAudit,
  readDeletions,
  readOne,
  readPlacements,
  readState,
  rememberDeletion,
  type WriteContext,
  writeAudit,
} from './sql-resources.ts'
import { StoreError } from './store-error.ts'

/** One in so many commits looks for old events. */
const commitsPerCleaning = 100

/** The store in SQL, the same for SQLite and PostgreSQL. */
export class SqlStore implements ControlStore {
  readonly storeId: string
  readonly #database: SqlDatabase
  readonly #lease: SqlLease
  readonly #wallMs: () => number
  #commits = 0

  private constructor(database: SqlDatabase, storeId: string, wallMs: () => number) {
    this.#database = database
    this.storeId = storeId
    this.#lease = new SqlLease(database, storeId)
    this.#wallMs = wallMs
  }

  /** Owns the database from now on. `wallMs` is for the time stamps of rows; leases go by the database's own clock. */
  static async open(database: SqlDatabase, wallMs: () => number): Promise<SqlStore> {
    try {
      const meta = await database.read((sql) => sql.get('SELECT store_id FROM meta'))
      if (meta === undefined) throw new StoreError('store-corrupt', 'the store has lost its identity')
      return new SqlStore(database, String(meta.store_id), wallMs)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  position(): Promise<StorePosition> {
    return this.#database.brief((sql) => this.#lease.position(sql))
  }

  snapshot(): Promise<StoreSnapshot> {
    return this.#database.read(async (sql) => ({
      position: await this.#lease.position(sql),
      state: await readState(sql),
      placements: await readPlacements(sql),
    }))
  }

  load(): Promise<ControlState> {
    return this.#database.read(readState)
  }

  get<Kind extends ResourceKind>(kind: Kind, name: string): Promise<StoredResource<Kind> | undefined> {
    return this.#database.read((sql) => readOne(sql, kind, name))
  }

  async placement(): Promise<PlacementDocument> {
    return documentOf(this.storeId, await this.snapshot())
  }

  async commit(changes: readonly Change[], by: Authority): Promise<number> {
    const at = new Date(this.#wallMs()).toISOString()
    return this.#database.write(async (sql) => {
      await this.#lease.hold(sql, by.term)
      const context = { by, at, version: await takeVersion(sql, changes) }
      await applyAll(sql, changes, context)
      this.#commits += 1
      if (this.#commits % commitsPerCleaning === 0) await forgetOldEvents(sql)
      return context.version
    })
  }

  pendingDeletions(): Promise<readonly PendingDeletion[]> {
    return this.#database.read(readDeletions)
  }

  async deleted({ cluster, topicId }: PendingDeletion, { term }: Authority): Promise<void> {
    await this.#database.write(async (sql) => {
      await this.#lease.hold(sql, term)
      await sql.all('DELETE FROM deletions WHERE cluster = ? AND topic_id = ?', cluster, topicId)
    })
  }

  auditRows(limit: number): Promise<readonly AuditRow[]> {
    return this.#database.read((sql) => readAudit(sql, limit))
  }

  acquireLease(candidate: LeaseCandidate, lengthMs: number): Promise<number | undefined> {
    return this.#database.brief((sql) => this.#lease.acquire(sql, candidate, lengthMs))
  }

  renewLease(term: number, lengthMs: number): Promise<boolean> {
    return this.#database.brief((sql) => this.#lease.renew(sql, term, lengthMs))
  }

  async releaseLease(term: number): Promise<void> {
    await this.#database.brief((sql) => this.#lease.release(sql, term))
  }

  operation(id: string) {
    return this.#database.read((sql) => readOperation(sql, id))
  }

  operations(query: OperationQuery) {
    return this.#database.read((sql) => readOperations(sql, query))
  }

  steps(operation: string) {
    return this.#database.read((sql) => readSteps(sql, operation))
  }

  events(after: number, limit: number) {
    return this.#database.read((sql) => readEvents(sql, after, limit))
  }

  followers() {
    return this.#database.read(readFollowers)
  }

  moves(sinceMs: number) {
    return this.#database.read((sql) => readMoves(sql, sinceMs))
  }

  freezes() {
    return this.#database.read(readFreezes)
  }

  async close(): Promise<void> {
    await this.#database.close()
  }
}

/** The placement document of a snapshot, under the lease term of that moment. */
export function documentOf(
  storeId: string,
  { position, state, placements }: StoreSnapshot,
): PlacementDocument {
  const order = { storeId, leaseTerm: position.leadership.term, version: position.version }
  return placementDocument(order, state, placements)
}

/** A new placement version where the placement document may change; else the present one. */
async function takeVersion(sql: SqlSession, changes: readonly Change[]): Promise<number> {
  const isPlacing = changes.some(
    ({ action }) => action === 'put' || action === 'delete' || action === 'place',
  )
  const row = await sql.get(
    isPlacing ? 'UPDATE meta SET version = version + 1 RETURNING version' : 'SELECT version FROM meta',
  )
  return Number(row?.version)
}

/** In their order, but those of a kind that may be many, and follow each other, go together. */
async function applyAll(sql: SqlSession, changes: readonly Change[], context: WriteContext): Promise<void> {
  let from = 0
  while (from < changes.length) {
    const { action } = changes[from] as Change
    let to = from + 1
    while (to < changes.length && changes[to]?.action === action) to += 1
    await applyRun(sql, changes.slice(from, to), context)
    from = to
  }
}

/** Changes of one action. */
async function applyRun(sql: SqlSession, run: readonly Change[], context: WriteContext): Promise<void> {
  const placements = run.flatMap((change) => (change.action === 'place' ? [change.placement] : []))
  const followers = run.flatMap((change) => (change.action === 'follower' ? [change.follower] : []))
  if (placements.length > 0) await place(sql, placements, context)
  else if (followers.length > 0) await writeFollowers(sql, followers)
  else for (const change of run) await applyOne(sql, change, context)
}

async function applyOne(sql: SqlSession, change: Change, context: WriteContext): Promise<void> {
  if (change.action === 'put') await putResource(sql, change, context)
  else if (change.action === 'delete') await deleteResource(sql, change.kind, change.name, context)
  else if (change.action === 'provisioned') await putProvisioned(sql, change)
  else if (change.action === 'deleteLater') await rememberDeletion(sql, change.deletion)
  else if (change.action === 'audit') await writeAudit(sql, change.entry, context)
  else if (change.action !== 'place' && change.action !== 'follower')
    await writeRecord(sql, change, context.by, context.at)
}
