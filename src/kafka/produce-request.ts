import type { Acks } from './outgoing-batch.ts'
import { unsignedVarintSize, writeUnsignedVarint } from './varint.ts'
import { WireReader } from './wire-reader.ts'

export const produceApiKey = 0

/** The oldest flexible version (Kafka 2.8); what later ones add for plain produces are hints that a metadata request gives too. */
export const produceApiVersion = 9

export interface ProducePart {
  readonly topic: string
  readonly partition: number
  /** One whole record batch; a partition takes one per request. */
  readonly bytes: Buffer
}

/**
 * Body of a Produce request, as buffers for one writev: the batches are passed by reference, never copied. Parts of one topic must
 * stand side by side; a topic-partition occurs once.
 */
export function encodeProduceRequest(
  parts: readonly ProducePart[],
  acks: Acks,
  timeoutMs: number,
): readonly Buffer[] {
  const topics = groupByTopic(parts)
  const buffers: Buffer[] = [encodePreamble(topics.length, acks, timeoutMs)]
  for (const group of topics) {
    for (const [index, part] of group.entries()) {
      buffers.push(encodePartHeader(part, index === 0 ? group.length : undefined), part.bytes)
      buffers.push(index === group.length - 1 ? endOfTopic : endOfPart)
    }
  }
  buffers.push(endOfPart)
  return buffers
}

/** Tag buffer of a partition; also the one of the whole request. */
const endOfPart = Buffer.from([0])
/** Tag buffers of the last partition and of its topic. */
const endOfTopic = Buffer.from([0, 0])

function groupByTopic(parts: readonly ProducePart[]): readonly (readonly ProducePart[])[] {
  const groups = new Map<string, ProducePart[]>()
  for (const part of parts) {
    const group = groups.get(part.topic)
    if (group === undefined) groups.set(part.topic, [part])
    else group.push(part)
  }
  return [...groups.values()]
}

function encodePreamble(topics: number, acks: Acks, timeoutMs: number): Buffer {
  const preamble = Buffer.allocUnsafe(7 + unsignedVarintSize(topics + 1))
  preamble[0] = 0 // no transactional id
  preamble.writeInt16BE(acks, 1)
  preamble.writeInt32BE(timeoutMs, 3)
  writeUnsignedVarint(preamble, 7, topics + 1)
  return preamble
}

function encodePartHeader(part: ProducePart, partsOfNewTopic: number | undefined): Buffer {
  const nameBytes = partsOfNewTopic === undefined ? 0 : Buffer.byteLength(part.topic)
  const header = Buffer.allocUnsafe(nameBytes + 19)
  let at = 0
  if (partsOfNewTopic !== undefined) {
    at = writeUnsignedVarint(header, at, nameBytes + 1)
    at += header.write(part.topic, at)
    at = writeUnsignedVarint(header, at, partsOfNewTopic + 1)
  }
  at = header.writeInt32BE(part.partition, at)
  at = writeUnsignedVarint(header, at, part.bytes.length + 1)
  return header.subarray(0, at)
}

export interface ProduceResult {
  readonly topic: string
  readonly partition: number
  /** Kafka's error code; 0 = taken. */
  readonly code: number
  readonly baseOffset: bigint
  readonly detail: string
}

/** Throws WireError or RangeError on anything that is not a Produce response of our version. */
export function decodeProduceResponse(response: Buffer): readonly ProduceResult[] {
  const reader = new WireReader(response)
  const results: ProduceResult[] = []
  const topics = reader.compactArrayLength()
  for (let t = 0; t < topics; t += 1) {
    const topic = reader.compactString()
    const partitions = reader.compactArrayLength()
    for (let p = 0; p < partitions; p += 1) results.push(decodePartition(reader, topic))
    reader.taggedFields()
  }
  return results
}

function decodePartition(reader: WireReader, topic: string): ProduceResult {
  const partition = reader.int32()
  const code = reader.int16()
  const baseOffset = reader.int64()
  reader.slice(16) // log append time, log start offset
  const recordErrors: string[] = []
  const errors = reader.compactArrayLength()
  for (let e = 0; e < errors; e += 1) {
    const index = reader.int32()
    recordErrors.push(`record ${index}: ${reader.compactNullableString() ?? 'refused'}`)
    reader.taggedFields()
  }
  const message = reader.compactNullableString()
  reader.taggedFields()
  const detail = [message, ...recordErrors.slice(0, 3)].filter((text) => text !== null).join('; ')
  return { topic, partition, code, baseOffset, detail }
}
