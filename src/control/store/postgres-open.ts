import { randomUUID } from 'node:crypto'
import { inPostgres, migrations, newStore } from './migrations.ts'
import { PostgresDatabase, type PostgresOptions, schemaName } from './postgres-database.ts'
import { shownUrl } from './postgres-errors.ts'
import type { SqlSession } from './sql.ts'
import { StoreError } from './store-error.ts'

const oldestVersion = 150_000
/** Any number that is always the same: two replicas that start together must not both make the tables. */
const migrationLock = 0x46424350

/** Opens the store in a database, or makes it where the database holds none. Throws `StoreError`. */
export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  const database = new PostgresDatabase(options)
  try {
    await database.write((sql) => prepare(sql, shownUrl(options.url)))
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

async function prepare(sql: SqlSession, where: string): Promise<void> {
  const server = await sql.get(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
      pg_is_in_recovery()::int AS replica`,
  )
  if (Number(server?.number) < oldestVersion)
    throw new StoreError(
      'store-unsupported',
      `${where} is PostgreSQL ${server?.version}; 15 or newer is needed`,
    )
  if (server?.replica === 1)
    throw new StoreError('store-unsupported', `${where} is a read-only replica; name the primary`)
  await sql.all('SET LOCAL lock_timeout = 10000')
  await sql.get('SELECT pg_advisory_xact_lock(?)', migrationLock)
  const found = await sql.get(`SELECT to_regclass('${schemaName}.schema_version')::text AS name`)
  if (found?.name === null) {
    const foreign = await sql.get('SELECT 1 AS found FROM pg_namespace WHERE nspname = ?', schemaName)
    if (foreign !== undefined) {
      throw new StoreError(
        'store-corrupt',
        `${where} has a schema ${schemaName} that is not a store of Forebay. Restore it from a backup, or drop the schema to begin with an empty store`,
      )
    }
    await sql.all(`CREATE SCHEMA ${schemaName}`)
    await sql.all('CREATE TABLE schema_version (version BIGINT NOT NULL)')
    await sql.all('INSERT INTO schema_version VALUES (0)')
  }
  await migrate(sql, found?.name === null)
}

async function migrate(sql: SqlSession, isNew: boolean): Promise<void> {
  const row = await sql.get('SELECT version FROM schema_version')
  if (row === undefined) throw new StoreError('store-corrupt', 'the store has lost its schema version')
  const version = Number(row.version)
  if (version > migrations.length) {
    throw new StoreError(
      'store-newer',
      `the store has schema ${version}, and this program knows up to ${migrations.length}. Run the newer program`,
    )
  }
  for (const step of migrations.slice(version)) {
    for (const statement of inPostgres(step).split(/;\s*\n/)) {
      if (statement.trim() !== '') await sql.all(statement)
    }
  }
  if (version < migrations.length) await sql.all('UPDATE schema_version SET version = ?', migrations.length)
  if (!isNew) return
  await sql.all(newStore[0], randomUUID())
  await sql.all(newStore[1])
}
