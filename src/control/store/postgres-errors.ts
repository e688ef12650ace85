import { StoreError } from './store-error.ts'

/** SQLSTATE classes that end when the server is well again: connection, resources, operator intervention, system error. */
const passing = new Set(['08', '53', '57', '58'])

/** The tables, the schema or the database are gone. */
const missing = new Set(['42P01', '3F000', '3D000', '42703'])

/** Waited too long for a lock, was silent in a transaction, read-only (a stand-by of PostgreSQL), deadlock, serialization. */
const passingCodes = new Set(['55P03', '25P03', '25006', '40P01', '40001'])

const systemErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
])

/** What pg throws without a code: its own time-outs and a connection that ended. */
const silentEnds = /timeout|terminated|closed|ended|not queryable/i

/** An error of the server or the connection in our words; an error of the work itself goes through. */
export function explainPostgres(url: string, error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  const where = shownUrl(url)
  // A host of several addresses gives one error for each.
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : error
  const { code = '', message = error.message } = (first ?? error) as Error & { code?: string }
  const options = { cause: error }
  if (code === '53100') return new StoreError('store-full', `${where}: ${message}`, options)
  if (code.startsWith('28'))
    return new StoreError('store-unreadable', `${where} refuses us: ${message}`, options)
  if (missing.has(code)) {
    return new StoreError(
      'store-corrupt',
      `${where}: ${message}. Restore it from a backup; no empty store was made instead`,
      options,
    )
  }
  const isPassing =
    systemErrors.has(code) ||
    passingCodes.has(code) ||
    passing.has(code.slice(0, 2)) ||
    (code === '' && silentEnds.test(message))
  return isPassing
    ? new StoreError('store-unavailable', `${where} does not answer (${message})`, options)
    : error
}

/** Without user and password. */
export function shownUrl(url: string): string {
  const { protocol = 'postgres:', host = '', pathname = '' } = URL.parse(url) ?? {}
  return `${protocol}//${host}${pathname}`
}
