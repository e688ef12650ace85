import { unsignedVarintSize, writeUnsignedVarint } from './varint.ts'
import { WireError, WireReader } from './wire-reader.ts'

/**
 * Fetch, version 13: the first that names topics by id, so that a topic which was deleted and made anew under its name answers
 * UNKNOWN_TOPIC_ID instead of other records at the same offsets (semantics "Records"). Kafka 3.1 and later take it; nothing that later
 * versions add is for consumers. Sessions (KIP-227) are not used: what is asked for changes with every answer that is being consumed.
 */
export const fetchApiKey = 1
export const fetchApiVersion = 13

export interface FetchPosition {
  readonly partition: number
  readonly fetchOffset: number
  /** Of the leader as the metadata know it: a broker that is no longer it, or not yet, says so. */
  readonly currentLeaderEpoch: number
  /** Of the last batch that was read, −1 when unknown: lets the broker notice that its log diverged from what we read (KIP-595). */
  readonly lastFetchedEpoch: number
  readonly maxBytes: number
}

export interface FetchTopic {
  readonly topicId: string
  readonly partitions: readonly FetchPosition[]
}

export interface FetchRequest {
  /** How long the broker holds the request while there is nothing. */
  readonly maxWaitMs: number
  /** For the whole answer; the first batch comes whole even when it is larger. */
  readonly maxBytes: number
  readonly topics: readonly FetchTopic[]
}

const positionBytes = 33
const topicIdBytes = 16
const readCommitted = 1

/** One buffer; each topic-partition at most once, because a broker answers it once. */
export function encodeFetchRequest({ maxWaitMs, maxBytes, topics }: FetchRequest): Buffer {
  let size = 30 + unsignedVarintSize(topics.length + 1)
  for (const { partitions } of topics) {
    size += topicIdBytes + unsignedVarintSize(partitions.length + 1) + partitions.length * positionBytes + 1
  }
  const buffer = Buffer.allocUnsafe(size)
  buffer.writeInt32BE(-1, 0)
  buffer.writeInt32BE(maxWaitMs, 4)
  buffer.writeInt32BE(1, 8)
  buffer.writeInt32BE(maxBytes, 12)
  buffer[16] = readCommitted
  // Session 0, epoch −1: no session.
  buffer.writeInt32BE(0, 17)
  buffer.writeInt32BE(-1, 21)
  let at = writeUnsignedVarint(buffer, 25, topics.length + 1)
  for (const { topicId, partitions } of topics) {
    at += buffer.write(topicId.replaceAll('-', ''), at, 'hex')
    at = writeUnsignedVarint(buffer, at, partitions.length + 1)
    for (const position of partitions) at = writePosition(buffer, at, position)
    buffer[at] = 0
    at += 1
  }
  // No forgotten topics, an empty rack, no tags.
  buffer[at] = 1
  buffer[at + 1] = 1
  buffer[at + 2] = 0
  return buffer.subarray(0, at + 3)
}

function writePosition(buffer: Buffer, at: number, position: FetchPosition): number {
  buffer.writeInt32BE(position.partition, at)
  buffer.writeInt32BE(position.currentLeaderEpoch, at + 4)
  buffer.writeBigInt64BE(BigInt(position.fetchOffset), at + 8)
  buffer.writeInt32BE(position.lastFetchedEpoch, at + 16)
  buffer.writeBigInt64BE(-1n, at + 20)
  buffer.writeInt32BE(position.maxBytes, at + 28)
  buffer[at + 32] = 0
  return at + positionBytes
}

export interface FetchedPartition {
  readonly topicId: string
  readonly partition: number
  /** Kafka's error code; 0 = none. */
  readonly code: number
  /** −1 when the broker does not say. */
  readonly highWatermark: number
  /** End of what a read_committed reader may see. */
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Set when the log of the leader left what we read: go on from `endOffset`. */
  readonly diverging: { readonly epoch: number; readonly endOffset: number } | undefined
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
  /** Whole batches, the last one perhaps cut off; a slice of the answer. */
  readonly records: Buffer
}

export interface FetchAnswer {
  /** Of the request as a whole. */
  readonly code: number
  readonly partitions: readonly FetchedPartition[]
}

const nothing = Buffer.alloc(0)

/** Throws `WireError` or RangeError on bytes that are no such answer. Records are slices of `response`, nothing is copied. */
export function decodeFetchResponse(response: Buffer): FetchAnswer {
  const reader = new WireReader(response)
  reader.int32()
  const code = reader.int16()
  reader.int32()
  const partitions: FetchedPartition[] = []
  const topics = reader.compactArrayLength()
  for (let topic = 0; topic < topics; topic += 1) {
    const topicId = reader.uuid()
    const count = reader.compactArrayLength()
    for (let index = 0; index < count; index += 1) partitions.push(readPartition(reader, topicId))
    reader.taggedFields()
  }
  reader.taggedFields()
  return { code, partitions }
}

function readPartition(reader: WireReader, topicId: string): FetchedPartition {
  const partition = reader.int32()
  const code = reader.int16()
  const highWatermark = offset(reader)
  const lastStableOffset = offset(reader)
  const logStartOffset = offset(reader)
  const aborted: { producerId: bigint; firstOffset: number }[] = []
  const abortedCount = reader.compactArrayLength()
  for (let index = 0; index < abortedCount; index += 1) {
    aborted.push({ producerId: reader.int64(), firstOffset: offset(reader) })
    reader.taggedFields()
  }
  reader.int32()
  const records = reader.compactNullableBytes() ?? nothing
  let diverging: FetchedPartition['diverging']
  reader.taggedFields((tag, field) => {
    if (tag === 0) diverging = { epoch: field.int32(), endOffset: offset(field) }
  })
  return {
    topicId,
    partition,
    code,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    diverging,
    aborted,
    records,
  }
}

function offset(reader: WireReader): number {
  const value = Number(reader.int64())
  if (!Number.isSafeInteger(value)) throw new WireError(`offset ${value} is too large`)
  return value
}
