import { crc32c } from '@node-rs/crc32'
import { sharedBodyMemory } from '../core/body-memory.ts'
import type { RecordHeader, StagedEvents } from '../core/record.ts'
import { varintSize, writeVarint } from './varint.ts'

/** Bytes before the first record of a record batch v2 (KIP-98). */
export const batchHeaderBytes = 61

/** The CRC covers everything from the attributes on. */
const crcStart = 21

/** Where a builder gets its memory from and gives it back to; it counts the allocated capacity, not the payload. */
export interface BufferSource {
  /** At least `bytes` long; its content is undefined. */
  take(bytes: number): Buffer
  give(buffer: Buffer): void
}

/** What all records of one request share, encoded once. */
export interface RecordFrame {
  /** Length and bytes of the key, ready to copy. */
  readonly key: Buffer
  /** Count and bytes of the headers, ready to copy. */
  readonly headers: Buffer
  /** Writes what differs from record to record into the copied headers, e.g. an id. */
  readonly fillHeaders: ((headers: Buffer, start: number) => void) | undefined
}

/** 24 days. */
const largestDeltaMs = 2 ** 31 - 1

const nullKey = Buffer.from([1])
const noHeaders = Buffer.from([0])

export function encodeFrame(key: Buffer | undefined, headers: readonly RecordHeader[]): RecordFrame {
  return {
    key: key === undefined ? nullKey : withLength(key),
    headers: encodeHeaders(headers),
    fillHeaders: undefined,
  }
}

/** A frame whose records carry one more header, `bytes` long, that `fill` writes anew for each record. */
export function encodeFrameWithVarying(
  key: Buffer | undefined,
  headers: readonly RecordHeader[],
  name: Buffer,
  bytes: number,
  fill: (target: Buffer, start: number) => void,
): RecordFrame {
  // The varying header stands last, so that its value ends where the headers end.
  const frame = encodeFrame(key, [...headers, { name, value: Buffer.alloc(bytes) }])
  const offset = frame.headers.length - bytes
  return { ...frame, fillHeaders: (target, start) => fill(target, start + offset) }
}

function withLength(bytes: Buffer): Buffer {
  const encoded = Buffer.allocUnsafe(varintSize(bytes.length) + bytes.length)
  bytes.copy(encoded, writeVarint(encoded, 0, bytes.length))
  return encoded
}

function encodeHeaders(headers: readonly RecordHeader[]): Buffer {
  if (headers.length === 0) return noHeaders
  const count = Buffer.allocUnsafe(varintSize(headers.length))
  writeVarint(count, 0, headers.length)
  return Buffer.concat([
    count,
    ...headers.flatMap(({ name, value }) => [withLength(name), withLength(value)]),
  ])
}

/** Upper bound of what `count` events of together `payloadBytes` add to a batch. */
export function maxEncodedBytes(frame: RecordFrame, count: number, payloadBytes: number): number {
  // Lengths, attributes and deltas take at most 5 bytes each.
  return payloadBytes + count * (21 + frame.key.length + frame.headers.length)
}

/**
 * One open RecordBatch v2, built in place: each event's bytes are copied once, from the request's body to where the broker will get
 * them. Owns its buffer until `seal`, after which the caller does.
 */
export class RecordBatchBuilder {
  readonly #source: BufferSource
  #buffer: Buffer
  #length = batchHeaderBytes
  #count = 0
  #baseTimestampMs = 0
  #maxTimestampMs = 0

  constructor(source: BufferSource, capacityBytes: number) {
    this.#source = source
    this.#buffer = source.take(Math.max(capacityBytes, batchHeaderBytes))
  }

  get count(): number {
    return this.#count
  }

  /** Bytes of the batch so far. */
  get length(): number {
    return this.#length
  }

  get capacityBytes(): number {
    return this.#buffer.length
  }

  /**
   * Appends events from `from` on until the batch has reached `limitBytes`, and returns the index of the first one left. An empty
   * batch takes one event of any size, so that progress is sure.
   */
  append(events: StagedEvents, frame: RecordFrame, from: number, limitBytes: number): number {
    const { arrivalMs } = events
    if (this.#count === 0) this.#baseTimestampMs = this.#maxTimestampMs = arrivalMs
    // A clock that was set back must not give a negative delta, nor one that was set forward a delta that no varint here holds.
    const delta = Math.min(Math.max(0, arrivalMs - this.#baseTimestampMs), largestDeltaMs)
    const rest = this.#appendHeld(events, frame, from, limitBytes, delta)
    const index = this.#appendEach(events, frame, rest, limitBytes, delta)
    this.#maxTimestampMs = Math.max(this.#maxTimestampMs, this.#baseTimestampMs + delta)
    return index
  }

  /** Those that the body memory can encode, when it holds the body: one copy for many events. */
  #appendHeld(
    events: StagedEvents,
    frame: RecordFrame,
    from: number,
    limitBytes: number,
    delta: number,
  ): number {
    const { body, bounds, count } = events
    const memory = sharedBodyMemory()
    if (memory?.holds(body) !== true || frame.fillHeaders !== undefined || !(bounds instanceof Int32Array)) {
      return from
    }
    const { key, headers } = frame
    const start = { records: this.#count, delta, key, headers }
    const next = memory.encode(bounds, from, count, start, limitBytes - this.#length, (records) => {
      const needed = this.#length + records.length
      if (needed > this.#buffer.length) this.#grow(this.#length, needed)
      this.#buffer.set(records, this.#length)
      this.#length = needed
    })
    this.#count += next - from
    return next
  }

  /** One by one. A hot loop: no object, no closure, one copy an event. */
  #appendEach(
    events: StagedEvents,
    frame: RecordFrame,
    from: number,
    limitBytes: number,
    delta: number,
  ): number {
    const { body, bounds, count } = events
    const { key, headers, fillHeaders } = frame
    const fixed = 1 + varintSize(delta) + key.length + headers.length
    let buffer = this.#buffer
    let at = this.#length
    let records = this.#count
    let index = from
    for (; index < count; index += 1) {
      const start = bounds[2 * index] as number
      const end = bounds[2 * index + 1] as number
      const size = end - start
      const recordBytes = fixed + varintSize(records) + varintSize(size) + size
      const needed = at + varintSize(recordBytes) + recordBytes
      if (needed > limitBytes && records > 0) break
      if (needed > buffer.length) buffer = this.#grow(at, needed)
      at = writeVarint(buffer, at, recordBytes)
      buffer[at] = 0
      at = writeVarint(buffer, at + 1, delta)
      at = writeVarint(buffer, at, records)
      if (key.length === 1) {
        // No key, or an empty one: the common case, without a call.
        buffer[at] = key[0] as number
        at += 1
      } else at += key.copy(buffer, at)
      at = writeVarint(buffer, at, size)
      at += body.copy(buffer, at, start, end)
      if (headers.length === 1) {
        buffer[at] = 0
        at += 1
      } else {
        headers.copy(buffer, at)
        fillHeaders?.(buffer, at)
        at += headers.length
      }
      records += 1
    }
    this.#length = at
    this.#count = records
    return index
  }

  /** Writes the batch header and gives the whole buffer away; `bytes` is a view of its filled part. The builder is spent. */
  seal(): { readonly buffer: Buffer; readonly bytes: Buffer } {
    const buffer = this.#buffer
    const bytes = buffer.subarray(0, this.#length)
    writeBatchHeader(bytes, {
      attributes: 0,
      records: this.#count,
      baseTimestampMs: this.#baseTimestampMs,
      maxTimestampMs: this.#maxTimestampMs,
    })
    return { buffer, bytes }
  }

  /** Gives the memory back without sending it. */
  discard(): void {
    this.#source.give(this.#buffer)
  }

  #grow(filled: number, needed: number): Buffer {
    const old = this.#buffer
    const larger = this.#source.take(Math.max(needed, old.length * 2))
    old.copy(larger, 0, 0, filled)
    this.#source.give(old)
    this.#buffer = larger
    return larger
  }
}

export interface BatchHeader {
  readonly attributes: number
  readonly records: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
}

/** Fills the first 61 bytes of a batch without producer id, CRC last; `bytes` is the whole batch. */
export function writeBatchHeader(bytes: Buffer, header: BatchHeader): void {
  bytes.writeBigInt64BE(0n, 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt32BE(-1, 12)
  bytes[16] = 2
  bytes.writeInt16BE(header.attributes, 21)
  bytes.writeInt32BE(header.records - 1, 23)
  bytes.writeBigInt64BE(BigInt(header.baseTimestampMs), 27)
  bytes.writeBigInt64BE(BigInt(header.maxTimestampMs), 35)
  bytes.writeBigInt64BE(-1n, 43)
  bytes.writeInt16BE(-1, 51)
  bytes.writeInt32BE(-1, 53)
  bytes.writeInt32BE(header.records, 57)
  bytes.writeUInt32BE(crc32c(bytes.subarray(crcStart)), 17)
}

/** Whole batch around an already compressed payload, with the timestamps and the count of the batch it was made from. */
export function withCompressedPayload(plain: Buffer, payload: Buffer, codec: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(batchHeaderBytes + payload.length)
  payload.copy(bytes, batchHeaderBytes)
  writeBatchHeader(bytes, {
    attributes: codec,
    records: plain.readInt32BE(57),
    baseTimestampMs: Number(plain.readBigInt64BE(27)),
    maxTimestampMs: Number(plain.readBigInt64BE(35)),
  })
  return bytes
}
