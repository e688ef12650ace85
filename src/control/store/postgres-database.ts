import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { Mutex } from '../apply/mutex.ts'
import { explainPostgres } from './postgres-errors.ts'
import type { Row, SqlDatabase, SqlSession, SqlValue, SqlWork } from './sql.ts'

/** Everything of ours is in this schema, so that the database may hold other things too. */
export const schemaName = 'forebay'

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string
  /** Told of connections that broke while nobody used them. */
  readonly onIdleError: (error: Error) => void
}

/** The server ends a transaction in which we are silent for so long. */
const silenceMs = 2000
const farewellMs = 2000
const workPatienceMs = 10_000
const leasePatienceMs = 1200
const bigint = 20
const types = new pg.TypeOverrides()
// Counters of ours stay far below 2^53.
types.setTypeParser(bigint, Number)

/**
 * PostgreSQL by two pools: one for reads and writes, and one connection for the lease, so that renewing never waits for a long write. All
 * waits end: a server that hangs is a server that is away. A transaction in which this process falls silent (it was stopped) is ended by
 * the server after `silenceMs`, so that it cannot keep the lease from the next leader.
 */
export class PostgresDatabase implements SqlDatabase {
  readonly nowMs = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
  readonly holdLease = 'FOR KEY SHARE OF lease'
  readonly takeLease = 'FOR UPDATE OF lease'
  readonly exclusive = false
  readonly #url: string
  readonly #work: pg.Pool
  readonly #lease: pg.Pool
  readonly #turns = new Mutex()
  #closed: Promise<void> | undefined

  constructor(options: PostgresOptions) {
    this.#url = options.url
    this.#work = makePool(options, 4, workPatienceMs)
    this.#lease = makePool(options, 1, leasePatienceMs)
  }

  read<Result>(work: SqlWork<Result>): Promise<Result> {
    const begin = beginning('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', workPatienceMs)
    return this.#transaction(this.#work, begin, work)
  }

  write<Result>(work: SqlWork<Result>): Promise<Result> {
    return this.#turns.run(() => this.#transaction(this.#work, beginning('BEGIN', workPatienceMs), work))
  }

  brief<Result>(work: SqlWork<Result>): Promise<Result> {
    return this.#transaction(this.#lease, beginning('BEGIN', leasePatienceMs), work)
  }

  close(): Promise<void> {
    this.#closed ??= Promise.race([
      Promise.all([this.#work.end(), this.#lease.end()]).then(() => undefined),
      // A server that hangs does not say goodbye.
      delay(farewellMs, undefined, { ref: false }),
    ])
    return this.#closed
  }

  /** A connection on which anything went wrong is not used again. */
  async #transaction<Result>(pool: pg.Pool, begin: string, work: SqlWork<Result>): Promise<Result> {
    let client: pg.PoolClient | undefined
    try {
      client = await pool.connect()
      const session = sessionOf(client)
      await client.query(begin)
      const result = await work(session)
      await client.query('COMMIT')
      client.release()
      return result
    } catch (error) {
      client?.release(true)
      throw explainPostgres(this.#url, error)
    }
  }
}

function makePool({ url, onIdleError }: PostgresOptions, max: number, patienceMs: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    types,
    application_name: 'forebay-control',
    connectionTimeoutMillis: 1500,
    query_timeout: patienceMs,
    keepAlive: true,
  })
  pool.on('error', onIdleError)
  // A connection that breaks between two statements says so by itself, and again to the next statement, whose caller hears it there.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** Settings go with each transaction, so that a pooler in between (PgBouncer) does not matter. */
function beginning(begin: string, patienceMs: number): string {
  return [
    begin,
    `SET LOCAL search_path = ${schemaName}`,
    `SET LOCAL statement_timeout = ${patienceMs}`,
    'SET LOCAL lock_timeout = 1000',
    `SET LOCAL idle_in_transaction_session_timeout = ${silenceMs}`,
  ].join('; ')
}

function sessionOf(client: pg.PoolClient): SqlSession {
  const all = async (statement: string, ...values: readonly SqlValue[]): Promise<readonly Row[]> =>
    (await client.query<Record<string, SqlValue>>(numbered(statement), [...values])).rows
  return { all, get: async (statement, ...values) => (await all(statement, ...values))[0] }
}

/** `?` as PostgreSQL counts them. Our statements hold no other question mark. */
function numbered(statement: string): string {
  let place = 0
  return statement.replaceAll('?', () => {
    place += 1
    return `$${place}`
  })
}
