import { batchHeaderBytes, writeBatchHeader } from './record-batch-builder.ts'
import { varintSize, writeVarint } from './varint.ts'

/**
 * An uncompressed batch of our own making with only those records that `keep` says, renumbered. For rare paths: withdrawing the events of
 * one request, finding the record that a broker refuses. Returns a new buffer; `undefined` when nothing is kept.
 */
export function pickRecords(bytes: Buffer, keep: (index: number) => boolean): Buffer | undefined {
  const count = bytes.readInt32BE(57)
  // Renumbering never makes a record longer: the new offset delta is at most the old one.
  const picked = Buffer.allocUnsafeSlow(bytes.length)
  let from = batchHeaderBytes
  let to = batchHeaderBytes
  let kept = 0
  for (let index = 0; index < count; index += 1) {
    const length = readVarint(bytes, from)
    const body = length.end
    const end = body + length.value
    if (keep(index)) {
      const timestampDelta = readVarint(bytes, body + 1)
      const offsetDelta = readVarint(bytes, timestampDelta.end)
      const rest = end - offsetDelta.end
      const prefix = 1 + (timestampDelta.end - body - 1)
      to = writeVarint(picked, to, prefix + varintSize(kept) + rest)
      to += bytes.copy(picked, to, body, timestampDelta.end)
      to = writeVarint(picked, to, kept)
      to += bytes.copy(picked, to, offsetDelta.end, end)
      kept += 1
    }
    from = end
  }
  if (kept === 0) return undefined
  return finish(picked.subarray(0, to), kept, bytes)
}

/** The same records with `wallMs` as their timestamp, in place: for a broker that refuses the old one (semantics "Records"). */
export function restampBatch(bytes: Buffer, wallMs: number): void {
  const spreadMs = bytes.readBigInt64BE(35) - bytes.readBigInt64BE(27)
  writeBatchHeader(bytes, {
    attributes: bytes.readInt16BE(21),
    records: bytes.readInt32BE(57),
    baseTimestampMs: wallMs,
    maxTimestampMs: wallMs + Number(spreadMs),
  })
}

function finish(picked: Buffer, records: number, original: Buffer): Buffer {
  writeBatchHeader(picked, {
    attributes: 0,
    records,
    baseTimestampMs: Number(original.readBigInt64BE(27)),
    maxTimestampMs: Number(original.readBigInt64BE(35)),
  })
  return picked
}

/** A signed (zigzag) varint that is not negative, and the position after it. */
function readVarint(bytes: Buffer, start: number): { readonly value: number; readonly end: number } {
  let value = 0
  let factor = 1
  for (let at = start; at < start + 5; at += 1) {
    const byte = bytes.readUInt8(at)
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return { value: value / 2, end: at + 1 }
    factor *= 0x80
  }
  throw new RangeError('a varint is longer than five bytes')
}
