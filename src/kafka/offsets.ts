import { listOffsetsV7 } from '@platformatic/kafka'
import { type BrokerCallOptions, withBroker } from './broker-call.ts'
import type { ClusterMetadata } from './cluster-metadata.ts'

/** Where a reader stands: the next offset, and the leader epoch of the record before it (−1 = unknown). */
export interface LogPosition {
  readonly offset: number
  readonly leaderEpoch: number
}

export type LogEnd = 'earliest' | 'latest'

const earliestTimestamp = -2n
const latestTimestamp = -1n
const readCommitted = 1
const consumer = -1

/**
 * First or last readable offset of partitions of one topic, asked from their leaders over connections that are closed afterwards: this
 * happens at a first start and when a log was cut off under a reader, not in between. Rejects when a leader is not known or refuses.
 */
export async function listOffsets(
  metadata: ClusterMetadata,
  topic: string,
  partitions: readonly number[],
  end: LogEnd,
  options: BrokerCallOptions,
): Promise<ReadonlyMap<number, LogPosition>> {
  const byLeader = new Map<number, number[]>()
  for (const partition of partitions) {
    const leader = metadata.topic(topic)?.partitions[partition]?.leader ?? -1
    if (leader < 0) throw new Error(`${topic}-${partition} has no leader`)
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition])
  }
  const found = new Map<number, LogPosition>()
  for (const [leader, some] of byLeader) {
    for (const [partition, position] of await askLeader(metadata, leader, topic, some, end, options)) {
      found.set(partition, position)
    }
  }
  return found
}

async function askLeader(
  metadata: ClusterMetadata,
  leader: number,
  topic: string,
  partitions: readonly number[],
  end: LogEnd,
  options: BrokerCallOptions,
): Promise<readonly (readonly [number, LogPosition])[]> {
  const address = metadata.broker(leader)
  if (address === undefined) throw new Error(`broker ${leader} is not in the cluster's metadata`)
  const asked = partitions.map((partitionIndex) => ({
    partitionIndex,
    currentLeaderEpoch: metadata.topic(topic)?.partitions[partitionIndex]?.leaderEpoch ?? -1,
    timestamp: end === 'earliest' ? earliestTimestamp : latestTimestamp,
  }))
  const { topics } = await withBroker(address, options, (connection) =>
    listOffsetsV7.api.async(connection, consumer, readCommitted, [{ name: topic, partitions: asked }]),
  )
  return topics.flatMap((answer) =>
    answer.partitions.map(({ partitionIndex, offset, leaderEpoch }) => {
      // The epoch is that of the record at the offset, not of the one before it: only an end has it for sure.
      const epoch = end === 'latest' ? leaderEpoch : -1
      return [partitionIndex, { offset: Number(offset), leaderEpoch: epoch }] as const
    }),
  )
}
