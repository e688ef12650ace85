import type { ControlStore } from './control-store.ts'
import { openPostgres } from './postgres-open.ts'
import { SqlStore } from './sql-store.ts'
import { SqliteDatabase } from './sqlite-database.ts'

export interface OpenStoreOptions {
  /** For the time stamps of rows. */
  readonly wallMs: () => number
  /** Told of trouble that no caller hears of. */
  readonly onTrouble: (error: Error) => void
}

/** Opens or makes the store: PostgreSQL for `postgres://…`, else the SQLite file of that name. Throws `StoreError`. */
export async function openStore(
  location: string,
  { wallMs, onTrouble }: OpenStoreOptions,
): Promise<ControlStore> {
  const database = isPostgres(location)
    ? await openPostgres({ url: location, onIdleError: onTrouble })
    : new SqliteDatabase(location)
  return SqlStore.open(database, wallMs)
}

function isPostgres(location: string): boolean {
  return /^postgres(ql)?:\/\//.test(location)
}
