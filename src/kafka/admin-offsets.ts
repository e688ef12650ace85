import { listOffsetsV7 } from '@platformatic/kafka'
import { refuse } from './admin-errors.ts'
import type { TopicDescription } from './admin-topics.ts'
import { type BrokerCallOptions, callBroker } from './broker-call.ts'
import type { BrokerAddress } from './frame-socket.ts'

/** `end`: the offset that the next record gets, also where followers have not copied all before it, so that no reader sees it yet. */
export type LogEdge = 'start' | 'end'

/** A partition and who leads it, as a topic's description says. */
export interface LedPartition {
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch: number
}

const earliestTimestamp = -2n
const latestTimestamp = -1n
const readUncommitted = 0
const consumer = -1
/** Kafka's "debugging consumer": is told of the end of the log itself, where others are told of the high watermark. */
const debuggingConsumer = -2

/**
 * Offsets by topic, then by partition, of all these topics with one request to each leader. The leader epoch goes along, so that a broker
 * which was deposed refuses instead of answering from its old log. Rejects with a sentence when a partition has no leader or is refused.
 */
export async function logOffsets(
  topics: readonly TopicDescription[],
  brokers: ReadonlyMap<number, BrokerAddress>,
  edge: LogEdge,
  options: BrokerCallOptions,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const offsets = new Map(topics.map(({ name, partitions }) => [name, partitions.map(() => -1)]))
  const work = [...partitionsByLeader(topics)].map(async ([leader, partitions]) => {
    const [first] = partitions
    const address = brokers.get(leader)
    if (address === undefined)
      throw new Error(
        `${first?.topic}-${first?.partition} has no leader that answers: wait, or look at its brokers`,
      )
    for (const { name, partitions: answered } of await askLeader(address, partitions, edge, options))
      for (const { partitionIndex, errorCode, offset } of answered) {
        refuse(`broker ${leader}: read the ${edge} of ${name}-${partitionIndex}`, errorCode)
        const known = offsets.get(name)
        if (known !== undefined) known[partitionIndex] = Number(offset)
      }
  })
  await Promise.all(work)
  return offsets
}

/** −1 = those without a leader. */
export function partitionsByLeader(
  topics: readonly TopicDescription[],
): ReadonlyMap<number, readonly LedPartition[]> {
  const byLeader = new Map<number, LedPartition[]>()
  for (const { name, partitions } of topics)
    for (const [partition, { leader, leaderEpoch }] of partitions.entries()) {
      const led = byLeader.get(leader) ?? []
      led.push({ topic: name, partition, leaderEpoch })
      byLeader.set(leader, led)
    }
  return byLeader
}

async function askLeader(
  address: BrokerAddress,
  partitions: readonly LedPartition[],
  edge: LogEdge,
  options: BrokerCallOptions,
): Promise<readonly listOffsetsV7.ListOffsetResponseTopic[]> {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, some]) => ({
    name,
    partitions: some.map(({ partition, leaderEpoch }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: leaderEpoch,
      timestamp: edge === 'start' ? earliestTimestamp : latestTimestamp,
    })),
  }))
  const replica = edge === 'start' ? consumer : debuggingConsumer
  const answer = await callBroker(address, options, (connection) =>
    listOffsetsV7.api.async(connection, replica, readUncommitted, topics),
  )
  return answer.topics
}
