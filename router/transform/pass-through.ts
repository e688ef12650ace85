import { crc32c } from '@node-rs/crc32'
import { codecName } from '../../src/kafka/compression.ts'
import { codecOf, hasLogAppendTime, type RecordBatch } from '../../src/kafka/record-batch-reader.ts'

/** Why a batch cannot go on as the bytes it is. */
export type ReencodeReason =
  /** Records are missing: lastOffsetDelta + 1 ≠ count, which a broker refuses. */
  | 'compacted'
  /** Some of its records are before the position that was asked for. */
  | 'trimmed'
  /** A broker refuses a producer's batch that says LogAppendTime. */
  | 'append-time'

/** What has to happen to a batch on its way to another cluster (semantics "Router", pass-through). */
export type PassThrough = { readonly kind: 'as-is' } | { readonly kind: 'empty' } | ReencodeNeeded

interface ReencodeNeeded {
  readonly kind: 're-encode'
  readonly reason: ReencodeReason
}

const codecBits = 0x07
const maxAttributes = 0x7f

/** `fromOffset`: records before it were delivered already. A batch that is over before it is `empty`; so is one without records. */
export function judgePassThrough(batch: RecordBatch, fromOffset: number): PassThrough {
  if (batch.count === 0 || batch.lastOffset < fromOffset) return { kind: 'empty' }
  if (batch.baseOffset < fromOffset) return { kind: 're-encode', reason: 'trimmed' }
  if (batch.lastOffset - batch.baseOffset + 1 !== batch.count)
    return { kind: 're-encode', reason: 'compacted' }
  if (hasLogAppendTime(batch)) return { kind: 're-encode', reason: 'append-time' }
  return { kind: 'as-is' }
}

/**
 * Makes a batch that is judged `as-is` fit for a Produce request, in place: base offset 0 and leader epoch −1, which the CRC does not
 * cover. One from an idempotent or transactional producer loses producer id, epoch, sequence and bit 4 and gets its CRC anew, because
 * the target would take it for a repeat of another producer's batch and append nothing. The compressed payload is never touched.
 */
export function rewriteInPlace(batch: RecordBatch): Buffer {
  const { bytes } = batch
  bytes.writeBigInt64BE(0n, 0)
  bytes.writeInt32BE(-1, 12)
  if (batch.producerId !== -1n || (batch.attributes & maxAttributes & ~codecBits) !== 0) {
    bytes.writeInt16BE(batch.attributes & codecBits, 21)
    bytes.writeBigInt64BE(-1n, 43)
    bytes.writeInt16BE(-1, 51)
    bytes.writeInt32BE(-1, 53)
    bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  }
  return bytes
}

/** The codec of its records, by name. Throws `CompressionError` for one that Kafka has not given out. */
export function compressionOf(batch: RecordBatch) {
  return codecName(codecOf(batch))
}
