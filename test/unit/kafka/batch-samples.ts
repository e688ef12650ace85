import { crc32c } from '@node-rs/crc32'
import type { CompressionName } from '../../../src/core/placement.ts'
import { codecId, compress } from '../../../src/kafka/compression.ts'
import {
  type RecordBatch,
  readBatches,
  visitHeaders,
  visitRecords,
} from '../../../src/kafka/record-batch-reader.ts'

/** A record as a test writes it down; `undefined` = null. */
export interface SampleRecord {
  readonly key: Buffer | undefined
  readonly value: Buffer | undefined
  readonly headers: readonly (readonly [string, Buffer | undefined])[]
  readonly timestampMs: number
  /** Within the batch. */
  readonly offsetDelta: number
}

export interface SampleBatch {
  readonly records: readonly SampleRecord[]
  readonly baseOffset?: number
  readonly lastOffsetDelta?: number
  readonly leaderEpoch?: number
  readonly codec?: CompressionName
  /** Beside the codec: 8 append time, 16 transactional, 32 control. */
  readonly attributes?: number
  readonly producerId?: bigint
}

/** An encoder of its own, slow and plain, so that the reader is not tested against our writer. */
export async function encodeBatch(sample: SampleBatch): Promise<Buffer> {
  const { records, codec = 'none' } = sample
  const base = records[0]?.timestampMs ?? -1
  const max = records.reduce((latest, { timestampMs }) => Math.max(latest, timestampMs), -1)
  const payload = await compress(codec, Buffer.concat(records.map((record) => encodeRecord(record, base))))
  const bytes = Buffer.alloc(61 + payload.length)
  payload.copy(bytes, 61)
  bytes.writeBigInt64BE(BigInt(sample.baseOffset ?? 0), 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt32BE(sample.leaderEpoch ?? 3, 12)
  bytes[16] = 2
  bytes.writeInt16BE(codecId(codec) | (sample.attributes ?? 0), 21)
  bytes.writeInt32BE(sample.lastOffsetDelta ?? records.at(-1)?.offsetDelta ?? 0, 23)
  bytes.writeBigInt64BE(BigInt(base), 27)
  bytes.writeBigInt64BE(BigInt(max), 35)
  bytes.writeBigInt64BE(sample.producerId ?? -1n, 43)
  bytes.writeInt16BE(sample.producerId === undefined ? -1 : 4, 51)
  bytes.writeInt32BE(sample.producerId === undefined ? -1 : 77, 53)
  bytes.writeInt32BE(records.length, 57)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

export async function makeBatch(sample: SampleBatch): Promise<RecordBatch> {
  const [batch] = readBatches(await encodeBatch(sample))
  if (batch === undefined) throw new Error('the sample is no batch')
  return batch
}

/** Plain records in order, one per value. */
export function recordsOf(...values: readonly string[]): SampleRecord[] {
  return values.map((value, offsetDelta) => ({
    key: undefined,
    value: Buffer.from(value),
    headers: [],
    timestampMs: 1000 + offsetDelta,
    offsetDelta,
  }))
}

/** What the reader sees in decompressed records, in the form they are written down in. */
export function decodeRecords(batch: RecordBatch, payload: Buffer): SampleRecord[] {
  const records: SampleRecord[] = []
  visitRecords(batch, payload, (record) => {
    const headers: [string, Buffer | undefined][] = []
    visitHeaders(record, (name, value) => void headers.push([name.toString(), value]))
    const field = (start: number, end: number) => (start < 0 ? undefined : payload.subarray(start, end))
    records.push({
      key: field(record.keyStart, record.keyEnd),
      value: field(record.valueStart, record.valueEnd),
      headers,
      timestampMs: record.timestampMs,
      offsetDelta: record.offsetDelta,
    })
  })
  return records
}

function encodeRecord(record: SampleRecord, baseTimestampMs: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(record.timestampMs - baseTimestampMs),
    varint(record.offsetDelta),
    field(record.key),
    field(record.value),
    varint(record.headers.length),
    ...record.headers.flatMap(([name, value]) => [field(Buffer.from(name)), field(value)]),
  ])
  return Buffer.concat([varint(body.length), body])
}

function field(bytes: Buffer | undefined): Buffer {
  return bytes === undefined ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  const bytes: number[] = []
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}
