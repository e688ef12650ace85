import type { Acks } from './outgoing-batch.ts'
import { writeUnsignedVarint } from './varint.ts'
import { WireReader } from './wire-reader.ts'

export const produceApiKey = 0

/** The oldest flexible version (Kafka 2.8); what later ones add for plain produces are hints that a metadata request gives too. */
export const produceApiVersion = 9

export interface ProducePart {
  readonly topic: string
  readonly partition: number
  /** One whole record batch; a partition takes one per request. It must not change until the answer is there. */
  readonly bytes: Buffer
}

/**
 * A batch up to this long is copied to what stands around it, a longer one passed by reference: in a writev each further buffer costs
 * about a microsecond, so 15 parts of 300 bytes take 20 µs as one buffer and 31 µs as thirty-one, 300 of them 109 and 317 µs; at 4 KiB
 * both are equal, and 15 parts of 30 KB take 342 µs copied and 150 µs by reference.
 */
const longestCopied = 2048

/**
 * Body of a Produce request, as buffers for one writev: long batches by reference, everything between two of them as one buffer. A
 * topic-partition must occur once.
 */
export function encodeProduceRequest(
  parts: readonly ProducePart[],
  acks: Acks,
  timeoutMs: number,
): readonly Buffer[] {
  const groups = groupByTopic(parts)
  // One allocation for all that is not passed by reference.
  const small = Buffer.allocUnsafe(preambleBytes + smallBytes(groups))
  const buffers: Buffer[] = []
  small[0] = 0 // no transactional id
  small.writeInt16BE(acks, 1)
  small.writeInt32BE(timeoutMs, 3)
  let at = writeUnsignedVarint(small, 7, groups.length + 1)
  let from = 0
  for (const group of groups) {
    at = writeTopic(small, at, group)
    for (const { partition, bytes } of group) {
      at = small.writeInt32BE(partition, at)
      at = writeUnsignedVarint(small, at, bytes.length + 1)
      if (bytes.length <= longestCopied) at += bytes.copy(small, at)
      else {
        buffers.push(small.subarray(from, at), bytes)
        from = at
      }
      small[at] = 0 // no tagged fields of the partition
      at += 1
    }
    small[at] = 0 // nor of the topic
    at += 1
  }
  small[at] = 0 // nor of the request
  buffers.push(small.subarray(from, at + 1))
  return buffers
}

/** Transactional id, acks, time limit and the number of topics; the request's tagged fields. */
const preambleBytes = 7 + 5 + 1
/** Lengths of the name and of the partitions, tagged fields. */
const topicBytes = 5 + 5 + 1
/** Number, length of the batch, tagged fields. */
const partBytes = 4 + 5 + 1

/** Upper bound; a UTF-16 unit is at most 3 bytes of UTF-8. */
function smallBytes(groups: readonly (readonly ProducePart[])[]): number {
  let bytes = 0
  for (const group of groups) {
    bytes += topicBytes + 3 * (group[0]?.topic.length ?? 0)
    for (const part of group)
      bytes += partBytes + (part.bytes.length <= longestCopied ? part.bytes.length : 0)
  }
  return bytes
}

function writeTopic(target: Buffer, at: number, group: readonly ProducePart[]): number {
  const topic = group[0]?.topic ?? ''
  const named = writeUnsignedVarint(target, at, Buffer.byteLength(topic) + 1)
  return writeUnsignedVarint(target, named + target.write(topic, named), group.length + 1)
}

function groupByTopic(parts: readonly ProducePart[]): readonly (readonly ProducePart[])[] {
  const groups = new Map<string, ProducePart[]>()
  for (const part of parts) {
    const group = groups.get(part.topic)
    if (group === undefined) groups.set(part.topic, [part])
    else group.push(part)
  }
  return [...groups.values()]
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
