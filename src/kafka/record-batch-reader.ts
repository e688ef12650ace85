import { crc32c } from '@node-rs/crc32'
import { WireError } from './wire-reader.ts'

/** Bytes before the first record of a record batch v2 (KIP-98). */
const headerBytes = 61
/** Base offset and length: what comes before the part that the length counts. */
const lengthPrefixBytes = 12
const crcStart = 21

const codecBits = 0x07
const logAppendTimeBit = 0x08
const transactionalBit = 0x10
const controlBit = 0x20

/**
 * One RecordBatch v2 as a broker sent it. The header fields were read once, so they stay what they were when `bytes` is rewritten in
 * place. Offsets are numbers: 2^53 of them are enough for 285 years at a million records a second.
 */
export interface RecordBatch {
  /** The whole batch, a slice of the answer it came in; it belongs to whoever took the answer. */
  readonly bytes: Buffer
  readonly baseOffset: number
  /** Offset of the last record, also where compaction removed it. */
  readonly lastOffset: number
  /** Of the leader that appended it; −1 when unknown. */
  readonly leaderEpoch: number
  readonly attributes: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  /** −1 without idempotence. */
  readonly producerId: bigint
  readonly count: number
}

export function codecOf(batch: RecordBatch): number {
  return batch.attributes & codecBits
}

/** All of its records carry `maxTimestampMs`, whatever their deltas say. */
export function hasLogAppendTime(batch: RecordBatch): boolean {
  return (batch.attributes & logAppendTimeBit) !== 0
}

export function isTransactional(batch: RecordBatch): boolean {
  return (batch.attributes & transactionalBit) !== 0
}

/** Holds a transaction marker instead of records. */
export function isControl(batch: RecordBatch): boolean {
  return (batch.attributes & controlBit) !== 0
}

/**
 * The batches of one partition's part of a fetch answer, without looking into them. A broker cuts the last one off at the byte limit: a
 * part of a batch at the end is left out. Throws `WireError` on a length or format that cannot be.
 */
export function readBatches(records: Buffer): readonly RecordBatch[] {
  const batches: RecordBatch[] = []
  let at = 0
  while (records.length - at >= headerBytes) {
    const length = records.readInt32BE(at + 8)
    if (length < headerBytes - lengthPrefixBytes) throw new WireError(`a record batch of ${length} bytes`)
    const end = at + lengthPrefixBytes + length
    if (end > records.length) break
    batches.push(readHeader(records.subarray(at, end)))
    at = end
  }
  return batches
}

function readHeader(bytes: Buffer): RecordBatch {
  const magic = bytes.readInt8(16)
  if (magic !== 2) throw new WireError(`record format ${magic}; only v2 (Kafka 0.11 and later) is read`)
  const baseOffset = Number(bytes.readBigInt64BE(0))
  const lastOffset = baseOffset + bytes.readInt32BE(23)
  const count = bytes.readInt32BE(57)
  if (baseOffset < 0 || lastOffset < baseOffset || !Number.isSafeInteger(lastOffset) || count < 0) {
    throw new WireError(`a record batch of ${count} records, offsets ${baseOffset} to ${lastOffset}`)
  }
  return {
    bytes,
    baseOffset,
    lastOffset,
    leaderEpoch: bytes.readInt32BE(12),
    attributes: bytes.readInt16BE(21),
    baseTimestampMs: Number(bytes.readBigInt64BE(27)),
    maxTimestampMs: Number(bytes.readBigInt64BE(35)),
    producerId: bytes.readBigInt64BE(43),
    count,
  }
}

/** Whether the bytes are those that were produced (CRC32C from the attributes on). */
export function hasValidCrc(batch: RecordBatch): boolean {
  return crc32c(batch.bytes.subarray(crcStart)) === batch.bytes.readUInt32BE(17)
}

/** The records as they lie behind the batch header, compressed or not: a slice. */
export function payloadOf(batch: RecordBatch): Buffer {
  return batch.bytes.subarray(headerBytes)
}

/**
 * One record of a batch, as offsets into `payload`. The same object for every record of a walk: whoever wants to keep something copies
 * it during the visit.
 */
export interface RecordCursor {
  /** The decompressed records; slices of it stay valid as long as the batch does. */
  readonly payload: Buffer
  offset: number
  /** Offset within the batch. */
  offsetDelta: number
  timestampMs: number
  /** Where the key's length stands: from here to `end` a record can be copied into another batch. */
  fieldsStart: number
  /** −1 for a null key; so are the value's. */
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
  /** Count and bytes of the headers begin here (or a count of 0) and go to `end`. */
  headersStart: number
  end: number
}

/**
 * Visits each record of a batch whose payload was decompressed. No allocation per record. Throws `WireError` when the bytes are not the
 * `count` records that the header promises; lengths beyond the payload cannot be read.
 */
export function visitRecords(
  batch: RecordBatch,
  payload: Buffer,
  visit: (record: RecordCursor) => void,
): void {
  const walker = new RecordWalker(batch, payload)
  for (let index = 0; index < batch.count; index += 1) {
    walker.next()
    visit(walker)
  }
  if (walker.end !== payload.length) {
    throw new WireError(`${payload.length - walker.end} bytes after the last record`)
  }
}

class RecordWalker implements RecordCursor {
  readonly payload: Buffer
  offset = 0
  offsetDelta = 0
  timestampMs = 0
  fieldsStart = 0
  keyStart = -1
  keyEnd = -1
  valueStart = -1
  valueEnd = -1
  headersStart = 0
  end = 0
  readonly #batch: RecordBatch
  readonly #appendTime: boolean
  #at = 0

  constructor(batch: RecordBatch, payload: Buffer) {
    this.#batch = batch
    this.#appendTime = hasLogAppendTime(batch)
    this.payload = payload
  }

  next(): void {
    this.#at = this.end
    const length = this.#varint()
    const end = this.#at + length
    if (length < 0 || end > this.payload.length) {
      throw new WireError(`a record of ${length} bytes, ${this.payload.length - this.#at} left`)
    }
    this.end = end
    this.#at += 1
    const timestampDelta = this.#varint()
    this.timestampMs = this.#appendTime
      ? this.#batch.maxTimestampMs
      : this.#batch.baseTimestampMs + timestampDelta
    this.offsetDelta = this.#varint()
    this.offset = this.#batch.baseOffset + this.offsetDelta
    this.fieldsStart = this.#at
    const keyLength = this.#varint()
    this.keyStart = keyLength < 0 ? -1 : this.#at
    this.keyEnd = keyLength < 0 ? -1 : this.#skip(keyLength)
    const valueLength = this.#varint()
    this.valueStart = valueLength < 0 ? -1 : this.#at
    this.valueEnd = valueLength < 0 ? -1 : this.#skip(valueLength)
    this.headersStart = this.#at
    if (this.#at >= end) throw new WireError('a record without headers field')
  }

  #skip(length: number): number {
    if (length > this.end - this.#at)
      throw new WireError(`a field of ${length} bytes in ${this.end - this.#at}`)
    this.#at += length
    return this.#at
  }

  /** Zigzag, up to 64 bits (timestamp deltas); exact up to 2^53. */
  #varint(): number {
    let value = 0
    let factor = 1
    for (let index = 0; index < 10; index += 1) {
      const byte = this.payload[this.#at]
      if (byte === undefined) throw new WireError('a record ends in the middle of a number')
      this.#at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      factor *= 128
    }
    throw new WireError('a varint is longer than ten bytes')
  }
}

/** Visits the headers of the record that a cursor stands on: name and value (`undefined` = null) as slices. Throws `WireError`. */
export function visitHeaders(
  record: RecordCursor,
  visit: (name: Buffer, value: Buffer | undefined) => void,
): void {
  const reader = new FieldReader(record.payload, record.headersStart, record.end)
  const count = reader.varint()
  if (count < 0 || count > record.end - record.headersStart) throw new WireError(`${count} headers`)
  for (let index = 0; index < count; index += 1) {
    const name = reader.field()
    if (name === undefined) throw new WireError('a header without a name')
    visit(name, reader.field())
  }
}

class FieldReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift <= 28 && this.#at < this.#end; shift += 7) {
      const byte = this.#bytes[this.#at] as number
      this.#at += 1
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw new WireError('a header ends in the middle of a number')
  }

  field(): Buffer | undefined {
    const length = this.varint()
    if (length < 0) return undefined
    if (length > this.#end - this.#at) throw new WireError(`a header field of ${length} bytes`)
    const field = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return field
  }
}

/** Kinds of transaction markers (the key of a control record: version, type). */
export function isAbortMarker(control: RecordBatch): boolean {
  let abort = false
  visitRecords(control, payloadOf(control), (record) => {
    if (record.keyEnd - record.keyStart >= 4) abort = record.payload.readInt16BE(record.keyStart + 2) === 0
  })
  return abort
}
