import { codecId, compress, decompress } from '../../src/kafka/compression.ts'
import { batchHeaderBytes, writeBatchHeader } from '../../src/kafka/record-batch-builder.ts'
import {
  payloadOf,
  type RecordBatch,
  type RecordCursor,
  visitRecords,
} from '../../src/kafka/record-batch-reader.ts'
import { varintSize, writeUnsignedVarint, writeVarint } from '../../src/kafka/varint.ts'
import { compressionOf } from './pass-through.ts'

/** Most bytes that one batch may grow to when its records are looked at. */
export const maxInflatedBytes = 256 * 2 ** 20

/** Records of one fetched batch on their way into a new one; key, value, headers and timestamp stay as they are. */
export class RecordCopier {
  readonly #parts: Buffer[] = []
  #count = 0
  #bytes = 0
  #baseTimestampMs = 0
  #maxTimestampMs = 0

  get count(): number {
    return this.#count
  }

  /** Appends the record under the cursor: its bytes from the key to the headers are copied once, at `seal`. */
  add(record: RecordCursor): void {
    if (this.#count === 0) this.#baseTimestampMs = this.#maxTimestampMs = record.timestampMs
    this.#maxTimestampMs = Math.max(this.#maxTimestampMs, record.timestampMs)
    const start = record.fieldsStart
    const delta = record.timestampMs - this.#baseTimestampMs
    const zigzag = delta < 0 ? -2 * delta - 1 : 2 * delta
    const head = Buffer.allocUnsafe(24)
    head[0] = 0
    let at = writeUnsignedVarint(head, 1, zigzag)
    at = writeVarint(head, at, this.#count)
    const length = at + (record.end - start)
    const prefix = Buffer.allocUnsafe(varintSize(length))
    writeVarint(prefix, 0, length)
    this.#parts.push(prefix, head.subarray(0, at), record.payload.subarray(start, record.end))
    this.#bytes += prefix.length + length
    this.#count += 1
  }

  /** The new batch, compressed as the old one was. The copier is spent. */
  async seal(codec: ReturnType<typeof compressionOf>): Promise<Buffer> {
    const payload = await compress(codec, Buffer.concat(this.#parts, this.#bytes))
    const bytes = Buffer.allocUnsafeSlow(batchHeaderBytes + payload.length)
    payload.copy(bytes, batchHeaderBytes)
    writeBatchHeader(bytes, {
      attributes: codecId(codec),
      records: this.#count,
      baseTimestampMs: this.#baseTimestampMs,
      maxTimestampMs: this.#maxTimestampMs,
    })
    return bytes
  }
}

/** The decompressed records of a batch. Rejects with `CompressionError`. */
export function inflate(batch: RecordBatch): Promise<Buffer> {
  return decompress(compressionOf(batch), payloadOf(batch), maxInflatedBytes)
}

/**
 * A new batch of the records from `fromOffset` on, in order and without gaps; `undefined` when there are none. Rejects with `WireError`
 * or `CompressionError` when the batch is not what its header says.
 */
export async function reencode(batch: RecordBatch, fromOffset: number): Promise<ReencodedBatch | undefined> {
  const payload = await inflate(batch)
  const copier = new RecordCopier()
  visitRecords(batch, payload, (record) => {
    if (record.offset >= fromOffset) copier.add(record)
  })
  if (copier.count === 0) return undefined
  return { count: copier.count, bytes: await copier.seal(compressionOf(batch)) }
}

export interface ReencodedBatch {
  readonly bytes: Buffer
  readonly count: number
}
