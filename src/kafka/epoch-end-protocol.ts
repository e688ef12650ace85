import type { EpochEnd } from './acknowledged-tail.ts'
import { unsignedVarintSize, writeUnsignedVarint } from './varint.ts'
import { WireReader } from './wire-reader.ts'

/**
 * OffsetForLeaderEpoch, version 4 (KIP-101, KIP-320): where the log of a leader leaves an epoch. The client library has no such call.
 * Kafka 2.8 and later take it.
 */
export const epochEndApiKey = 23
export const epochEndApiVersion = 4

export interface EpochQuestion {
  readonly partition: number
  /** Of the leader that is asked, as the metadata know it: another broker says that it is not it. */
  readonly currentLeaderEpoch: number
  /** The epoch whose end is asked for. */
  readonly leaderEpoch: number
}

export interface TopicQuestions {
  readonly topic: string
  readonly partitions: readonly EpochQuestion[]
}

export interface TopicEpochEnds {
  readonly topic: string
  /** `code`: Kafka's error code, 0 = none. */
  readonly partitions: readonly (EpochEnd & { readonly code: number })[]
}

const questionBytes = 13

export function encodeEpochEndRequest(topics: readonly TopicQuestions[]): Buffer {
  let size = 4 + unsignedVarintSize(topics.length + 1) + 1
  for (const { topic, partitions } of topics) {
    const nameBytes = Buffer.byteLength(topic)
    size += unsignedVarintSize(nameBytes + 1) + nameBytes
    size += unsignedVarintSize(partitions.length + 1) + partitions.length * questionBytes + 1
  }
  const buffer = Buffer.alloc(size)
  // Replica −1: a client.
  buffer.writeInt32BE(-1, 0)
  let at = writeUnsignedVarint(buffer, 4, topics.length + 1)
  for (const { topic, partitions } of topics) {
    at = writeUnsignedVarint(buffer, at, Buffer.byteLength(topic) + 1)
    at += buffer.write(topic, at)
    at = writeUnsignedVarint(buffer, at, partitions.length + 1)
    for (const { partition, currentLeaderEpoch, leaderEpoch } of partitions) {
      buffer.writeInt32BE(partition, at)
      buffer.writeInt32BE(currentLeaderEpoch, at + 4)
      buffer.writeInt32BE(leaderEpoch, at + 8)
      at += questionBytes
    }
    at += 1
  }
  return buffer
}

/** Throws `WireError` or RangeError on bytes that are no such answer. */
export function decodeEpochEndResponse(response: Buffer): readonly TopicEpochEnds[] {
  const reader = new WireReader(response)
  reader.int32()
  const topics: TopicEpochEnds[] = []
  const topicCount = reader.compactArrayLength()
  for (let index = 0; index < topicCount; index += 1) {
    const topic = reader.compactString()
    const partitions: (EpochEnd & { code: number })[] = []
    const count = reader.compactArrayLength()
    for (let one = 0; one < count; one += 1) {
      const code = reader.int16()
      const partition = reader.int32()
      reader.int32()
      partitions.push({ code, partition, endOffset: Number(reader.int64()) })
      reader.taggedFields()
    }
    reader.taggedFields()
    topics.push({ topic, partitions })
  }
  reader.taggedFields()
  return topics
}
