import type { DatabaseSync } from 'node:sqlite'
import { Mutex } from '../apply/mutex.ts'
import type { Row, SqlDatabase, SqlSession, SqlWork } from './sql.ts'
import { explain, openDatabase } from './sqlite-open.ts'

/**
 * One SQLite file: write-ahead log, synced at every commit, held exclusively by this process. There is one connection, so that everything
 * takes its turn; nothing waits for long, because nothing leaves the process.
 */
export class SqliteDatabase implements SqlDatabase {
  readonly nowMs = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
  readonly holdLease = ''
  readonly takeLease = ''
  readonly exclusive = true
  readonly #file: string
  readonly #database: DatabaseSync
  readonly #session: SqlSession
  readonly #turns = new Mutex()

  /** Opens the file, or makes it. Throws `StoreError`. */
  constructor(file: string) {
    this.#file = file
    const database = openDatabase(file)
    this.#database = database
    this.#session = {
      all: async (statement, ...values) => database.prepare(statement).all(...values) as unknown as Row[],
      get: async (statement, ...values) => database.prepare(statement).get(...values) as Row | undefined,
    }
  }

  read<Result>(work: SqlWork<Result>): Promise<Result> {
    return this.#turns.run(() => this.#explained(() => work(this.#session)))
  }

  write<Result>(work: SqlWork<Result>): Promise<Result> {
    return this.#turns.run(() => this.#explained(() => this.#transaction(work)))
  }

  brief<Result>(work: SqlWork<Result>): Promise<Result> {
    return this.write(work)
  }

  async close(): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#database.isOpen) this.#database.close()
    })
  }

  async #transaction<Result>(work: SqlWork<Result>): Promise<Result> {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = await work(this.#session)
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** Errors of SQLite itself; what the work threw for reasons of its own goes through. */
  async #explained<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw (error as { code?: string }).code === 'ERR_SQLITE_ERROR' ? explain(this.#file, error) : error
    }
  }
}
