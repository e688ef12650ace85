import { isUtf8 } from 'node:buffer'
import { type RecordCursor, visitHeaders } from '../../kafka/record-batch-reader.ts'

/** One record as `tail --json` prints it, one a line. */
export interface TailedRecord {
  readonly cluster: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** RFC 3339, UTC. */
  readonly timestamp: string
  /** Text, or base64 in `keyBase64` when it is not UTF-8; absent = null. */
  readonly key?: string
  readonly keyBase64?: string
  readonly value?: string
  readonly valueBase64?: string
  readonly headers: Readonly<Record<string, string>>
}

/** Copies what the cursor stands on. */
export function tailedRecord(
  place: Pick<TailedRecord, 'cluster' | 'topic' | 'partition'>,
  cursor: RecordCursor,
): TailedRecord {
  const { payload, keyStart, keyEnd, valueStart, valueEnd } = cursor
  const headers: Record<string, string> = {}
  visitHeaders(cursor, (name, value) => {
    headers[name.toString()] = value?.toString() ?? ''
  })
  return {
    ...place,
    offset: cursor.offset,
    timestamp: new Date(cursor.timestampMs).toISOString(),
    ...textOrBase64('key', keyStart < 0 ? undefined : payload.subarray(keyStart, keyEnd)),
    ...textOrBase64('value', valueStart < 0 ? undefined : payload.subarray(valueStart, valueEnd)),
    headers,
  }
}

function textOrBase64(name: string, bytes: Buffer | undefined): Record<string, string> {
  if (bytes === undefined) return {}
  return isUtf8(bytes) ? { [name]: bytes.toString() } : { [`${name}Base64`]: bytes.toString('base64') }
}

/** The value alone: what was posted, on a line of its own. */
export function valueText({ value, valueBase64 }: TailedRecord): string {
  return value ?? (valueBase64 === undefined ? 'null' : `base64:${valueBase64}`)
}
