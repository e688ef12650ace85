import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { migrations, newStore } from './migrations.ts'
import { StoreError } from './store-error.ts'

/** "FBCP" in the header of the file, so that another program's database is never taken for ours. */
const applicationId = 0x46424350

/**
 * Opens the store, or makes it when there is no file. A file that is there and is not a whole store of ours is refused, never replaced
 * and never taken for an empty one (faults F19). Throws `StoreError`.
 */
export function openDatabase(file: string): DatabaseSync {
  const folder = dirname(file)
  try {
    mkdirSync(folder, { recursive: true })
    if (!existsSync(file)) create(file, folder)
    return open(file)
  } catch (error) {
    throw explain(file, error)
  }
}

/** Made beside and renamed, so that a crash in the middle leaves no half store under the real name. */
function create(file: string, folder: string): void {
  const leftovers = [`${file}-wal`, `${file}-shm`].filter((path) => existsSync(path))
  if (leftovers.length > 0) {
    throw new StoreError(
      'store-corrupt',
      `${file} is missing, but ${leftovers.join(' and ')} is there. Restore the file from a backup, or move the leftovers away to begin with an empty store`,
    )
  }
  const beside = `${file}.${process.pid}.new`
  rmSync(beside, { force: true })
  const database = new DatabaseSync(beside)
  database.exec(
    `PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA application_id = ${applicationId}`,
  )
  migrate(database)
  database.prepare(newStore[0]).run(randomUUID())
  database.exec(newStore[1])
  database.close()
  renameSync(beside, file)
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

/** Exclusive locking makes "one writer" true for the life of the process; the lock goes with the process, however it ends. */
function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA busy_timeout = 2000; PRAGMA locking_mode = EXCLUSIVE')
    const found = pragma(database, 'application_id')
    if (found !== applicationId) throw new StoreError('store-corrupt', `${file} is not a store of Forebay`)
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    // Takes the lock now rather than at the first write.
    database.exec('BEGIN EXCLUSIVE; COMMIT')
    const check = database.prepare('PRAGMA quick_check(1)').get()
    const verdict = String(Object.values(check ?? {})[0])
    if (verdict !== 'ok') throw new StoreError('store-corrupt', `${file}: ${verdict}`)
    migrate(database)
    if (database.prepare('SELECT store_id FROM meta').get() === undefined)
      throw new StoreError('store-corrupt', `${file} has lost its identity`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function migrate(database: DatabaseSync): void {
  const version = pragma(database, 'user_version')
  if (version > migrations.length) {
    throw new StoreError(
      'store-newer',
      `the store has schema ${version}, and this program knows up to ${migrations.length}. Run the newer program`,
    )
  }
  for (let step = version; step < migrations.length; step += 1) {
    database.exec(`BEGIN IMMEDIATE; ${migrations[step]}; PRAGMA user_version = ${step + 1}; COMMIT`)
  }
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0])
}

/** SQLite's result codes as our words; 5 BUSY, 6 LOCKED, 11 CORRUPT, 13 FULL, 26 NOTADB: the low byte carries the primary code. */
export function explain(file: string, error: unknown): unknown {
  if (error instanceof StoreError) return error
  const { message, errcode, code } = error as { message: string; errcode?: number; code?: string }
  const primary = (errcode ?? 0) & 0xff
  if (primary === 5 || primary === 6) {
    return new StoreError(
      'store-locked',
      `another control plane has ${file} open. One file is for one replica: use PostgreSQL (--store postgres://…) for several`,
      { cause: error },
    )
  }
  if (primary === 11 || primary === 26) {
    return new StoreError(
      'store-corrupt',
      `${file}: ${message}. Restore it from a backup; no empty store was made instead`,
      { cause: error },
    )
  }
  if (primary === 13 || code === 'ENOSPC')
    return new StoreError('store-full', `${file}: ${message}. Make room on the disk`, { cause: error })
  return new StoreError('store-unreadable', `${file}: ${message}`, { cause: error })
}
