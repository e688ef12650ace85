import { kafkaCodes, kafkaErrorName } from './admin-errors.ts'
import { type LedPartition, partitionsByLeader } from './admin-offsets.ts'
import type { TopicDescription } from './admin-topics.ts'
import type { BrokerCallOptions } from './broker-call.ts'
import { type BrokerAddress, FrameSocket } from './frame-socket.ts'
import {
  decodeProduceResponse,
  encodeProduceRequest,
  type ProduceResult,
  produceApiKey,
  produceApiVersion,
} from './produce-request.ts'
import { batchHeaderBytes, writeBatchHeader } from './record-batch-builder.ts'

/** `sealed`: refuses every batch as too large. `open`: would have taken one. Else why neither is known. */
export type PartitionState = 'sealed' | 'open' | { readonly unknown: string }

/** One empty record without key and headers: its length, attributes, deltas, key and value. */
const record = Buffer.from([0x0c, 0, 0, 0, 0x01, 0, 0])
const crcAt = 17

/**
 * Asks each leader whether it takes records, without ever writing one: the batch has a wrong checksum, and a broker judges the size
 * before the checksum, so a sealed topic (`max.message.bytes` 0) answers MESSAGE_TOO_LARGE and any other CORRUPT_MESSAGE. One request to
 * each leader; gives the state of every partition, by topic, and never rejects.
 */
export async function probeTopics(
  topics: readonly TopicDescription[],
  brokers: ReadonlyMap<number, BrokerAddress>,
  options: BrokerCallOptions,
): Promise<ReadonlyMap<string, readonly PartitionState[]>> {
  const states = new Map(
    topics.map(({ name, partitions }) => [
      name,
      partitions.map((): PartitionState => ({ unknown: 'it has no leader' })),
    ]),
  )
  const set = (topic: string, partition: number, state: PartitionState) => {
    const known = states.get(topic)
    if (known !== undefined) known[partition] = state
  }
  const work = [...partitionsByLeader(topics)].map(async ([leader, partitions]) => {
    const address = brokers.get(leader)
    if (address === undefined) return
    try {
      for (const { topic, partition, code } of await produceNothing(address, partitions, options))
        set(topic, partition, stateOf(code, leader))
    } catch (error) {
      const unknown = `broker ${leader} (${address.host}:${address.port}): ${(error as Error).message}`
      for (const { topic, partition } of partitions) set(topic, partition, { unknown })
    }
  })
  await Promise.all(work)
  return states
}

function stateOf(code: number, leader: number): PartitionState {
  if (code === kafkaCodes.messageTooLarge) return 'sealed'
  if (code === kafkaCodes.corruptMessage) return 'open'
  return { unknown: `broker ${leader} answers ${kafkaErrorName(code)}` }
}

async function produceNothing(
  address: BrokerAddress,
  partitions: readonly LedPartition[],
  { clientId, timeoutMs, security }: BrokerCallOptions,
): Promise<readonly ProduceResult[]> {
  const bytes = unacceptableBatch()
  const parts = partitions.map(({ topic, partition }) => ({ topic, partition, bytes }))
  const socket = await FrameSocket.open(address, {
    clientId,
    connectTimeoutMs: timeoutMs,
    ...(security === undefined ? {} : { security }),
  })
  const answer = Promise.withResolvers<Buffer>()
  try {
    const body = encodeProduceRequest(parts, 1, timeoutMs)
    socket.request(produceApiKey, produceApiVersion, body, timeoutMs, (error, response) => {
      if (response === undefined) answer.reject(error)
      else answer.resolve(response)
    })
    return decodeProduceResponse(await answer.promise)
  } finally {
    socket.close()
  }
}

/** Whole but for its checksum. */
export function unacceptableBatch(): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(batchHeaderBytes), record])
  writeBatchHeader(bytes, { attributes: 0, records: 1, baseTimestampMs: 0, maxTimestampMs: 0 })
  bytes.writeUInt32BE((bytes.readUInt32BE(crcAt) ^ 1) >>> 0, crcAt)
  return bytes
}
