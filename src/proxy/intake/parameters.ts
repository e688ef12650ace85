import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import { Problem } from '../../core/problems.ts'
import type { RecordHeader } from '../../core/record.ts'

/** What a request says beside its body. */
export interface EventParameters {
  /** Record key of every event of the request. */
  readonly key: Buffer | undefined
  /** Refuse the whole request when one event is bad. */
  readonly strict: boolean
  readonly headers: readonly RecordHeader[]
  /** The header that makes sense for one event only, when it is there. */
  readonly oneEventOnly: string | undefined
}

/** A key counts for every record of the request, so it is bounded. */
export const maxKeyBytes = 4096
export const maxEventIdBytes = 256

const plain: EventParameters = { key: undefined, strict: false, headers: [], oneEventOnly: undefined }

const idName = Buffer.from('forebay_id')
const timeName = Buffer.from('forebay_time')
const traceName = Buffer.from('traceparent')

/** Reads query (without `?`) and headers. Throws 400 invalid-parameter that names the one that is wrong; unknown keys are ignored. */
export function readParameters(query: string, headers: IncomingHttpHeaders): EventParameters {
  const id = headers['forebay-event-id']
  const time = headers['forebay-timestamp']
  const trace = headers.traceparent
  if (query === '' && id === undefined && time === undefined && trace === undefined) return plain
  const recordHeaders: RecordHeader[] = []
  if (id !== undefined) recordHeaders.push({ name: idName, value: readEventId(id) })
  if (time !== undefined) recordHeaders.push({ name: timeName, value: readTimestamp(time) })
  if (typeof trace === 'string' && traceparent.test(trace)) {
    recordHeaders.push({ name: traceName, value: Buffer.from(trace) })
  }
  return {
    ...readQuery(query),
    headers: recordHeaders,
    oneEventOnly:
      id !== undefined ? 'Forebay-Event-Id' : time !== undefined ? 'Forebay-Timestamp' : undefined,
  }
}

function readQuery(query: string): Pick<EventParameters, 'key' | 'strict'> {
  let key: Buffer | undefined
  let strict: boolean | undefined
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=')
    const name = equals < 0 ? pair : pair.slice(0, equals)
    if (name !== 'key' && name !== 'strict') continue
    if (name === 'key' ? key !== undefined : strict !== undefined) throw wrong(name, 'it came twice')
    const value = decode(name, equals < 0 ? '' : pair.slice(equals + 1))
    if (name === 'key') key = readKey(value)
    else strict = readStrict(value)
  }
  return { key, strict: strict ?? false }
}

function decode(name: string, raw: string): string {
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '))
  } catch (error) {
    throw wrong(name, 'its percent-encoding is not UTF-8', error)
  }
}

function readKey(value: string): Buffer {
  const key = Buffer.from(value)
  if (key.length === 0) throw wrong('key', 'it is empty; leave it out for events without a key')
  if (key.length > maxKeyBytes) throw wrong('key', `it has ${key.length} bytes, ${maxKeyBytes} at most`)
  return key
}

function readStrict(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw wrong('strict', 'true or false is needed')
}

/** HTTP headers come as Latin-1; the bytes are what the client sent. */
function readEventId(header: string | string[]): Buffer {
  const id = Buffer.from(String(header), 'latin1')
  if (id.length === 0 || id.length > maxEventIdBytes || !isUtf8(id)) {
    throw wrong('Forebay-Event-Id', `1 to ${maxEventIdBytes} bytes of UTF-8 are needed`)
  }
  return id
}

/** RFC 3339 date-time, or whole milliseconds since 1970; written as the latter, so that readers find one form. */
function readTimestamp(header: string | string[]): Buffer {
  const text = String(header).trim()
  const ms = /^-?\d{1,15}$/.test(text) ? Number(text) : rfc3339.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) {
    throw wrong(
      'Forebay-Timestamp',
      'an RFC 3339 time such as 2026-01-31T12:00:00Z or milliseconds are needed',
    )
  }
  return Buffer.from(String(ms))
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/

/** W3C Trace Context §3.2; anything else is not passed on, as the standard asks. */
const traceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

function wrong(name: string, why: string, cause?: unknown): Problem {
  return new Problem('invalid-parameter', `${name}: ${why}.`, { cause })
}
