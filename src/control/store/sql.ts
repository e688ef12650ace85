/** Just enough of SQL for one store on two servers: SQLite in this process, and PostgreSQL. */

export type SqlValue = string | number | null

export type Row = Readonly<Record<string, SqlValue>>

/** Statements with `?` for each value, in the words that both servers understand. Valid only while the work runs that it was given to. */
export interface SqlSession {
  all(statement: string, ...values: readonly SqlValue[]): Promise<readonly Row[]>
  get(statement: string, ...values: readonly SqlValue[]): Promise<Row | undefined>
}

export type SqlWork<Result> = (sql: SqlSession) => Promise<Result>

/** One database. What it throws is a `StoreError`, or an error that the work itself threw. */
export interface SqlDatabase {
  /** Milliseconds since 1970 by the clock of whoever judges leases. */
  readonly nowMs: string
  /** Appended to a SELECT of the lease: holds it as it is until the transaction ends, and lets its holder renew it meanwhile. */
  readonly holdLease: string
  /** Appended to a SELECT of the lease: nobody else writes or takes it until the transaction ends. */
  readonly takeLease: string
  /** A lease on this database never runs out, because another program cannot open it. */
  readonly exclusive: boolean

  /** All that the work reads is of one moment. */
  read<Result>(work: SqlWork<Result>): Promise<Result>
  /** One transaction, after those asked for before it; undone when the work throws. What has resolved survives a power cut. */
  write<Result>(work: SqlWork<Result>): Promise<Result>
  /** A short transaction beside the others: for the lease, which must not wait for a long write. */
  brief<Result>(work: SqlWork<Result>): Promise<Result>
  close(): Promise<void>
}

/**
 * Inserts many rows by few statements (a failover places a hundred topics at once); `tail` is the ON CONFLICT clause. Rows must not
 * meet each other in it.
 */
export async function insertRows(
  sql: SqlSession,
  into: string,
  rows: readonly (readonly SqlValue[])[],
  tail = '',
): Promise<void> {
  // SQLite takes 32,766 values a statement, PostgreSQL 65,535.
  const rowsAtOnce = 1000
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    const part = rows.slice(from, from + rowsAtOnce)
    const places = part.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ')
    await sql.all(`INSERT INTO ${into} VALUES ${places} ${tail}`, ...part.flat())
  }
}
