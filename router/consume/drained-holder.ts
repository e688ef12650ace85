import type { ClusterFetcher } from '../../src/kafka/fetcher.ts'
import type { GroupCoordinators } from '../../src/kafka/group-coordinators.ts'
import { type CommittedPosition, committedPositions } from '../../src/kafka/group-offsets.ts'
import type { DrainedHolder, HolderPartition } from './drain-gate.ts'

export interface DrainedHolderOptions {
  readonly clusterId: string
  readonly groupId: string
  readonly topic: string
  readonly fetcher: ClusterFetcher
  readonly coordinators: GroupCoordinators
  /** What a job of this process has delivered of the partition there, which it commits later. */
  readonly deliveredHere: (partition: number) => CommittedPosition | undefined
}

type Looked = ReadonlyMap<number, HolderPartition>

const nothing: Looked = new Map()
/** A cluster that answers and does not know the topic for so long does not hold it any more. */
const topicWaitMs = 2_000

/** Looks how far a route has emptied a cluster: ends of the leaders' logs first, then what its group has committed. */
export function drainedHolder(options: DrainedHolderOptions): DrainedHolder {
  const { clusterId, topic, fetcher } = options
  return {
    clusterId,
    awayMs: () => fetcher.reach.awayMs,
    look: async (partitions) => {
      if (fetcher.reach.away) return nothing
      const known = await fetcher.untilTopic(topic, AbortSignal.timeout(topicWaitMs))
      if (fetcher.reach.away) return nothing
      const there = partitions.filter((partition) => partition < (known?.partitions.length ?? 0))
      const looked = new Map<number, HolderPartition>(
        partitions.filter((one) => !there.includes(one)).map((one) => [one, { end: 0, drained: true }]),
      )
      if (known === undefined) return looked
      const ends = await fetcher.logEnds(topic, there)
      const delivered = await deliveredOf(options, known.topicId, ends)
      for (const [partition, end] of ends) {
        const offset = end === 0 ? 0 : delivered.get(partition)
        if (offset !== undefined) looked.set(partition, { end, drained: offset >= end })
      }
      return looked
    },
  }
}

/** Offsets in the topic of this id; without partitions of which nothing could be learnt. */
async function deliveredOf(
  { groupId, topic, coordinators, fetcher, deliveredHere }: DrainedHolderOptions,
  topicId: string,
  ends: ReadonlyMap<number, number>,
): Promise<ReadonlyMap<number, number>> {
  const offsets = new Map<number, number>()
  for (const [partition, end] of ends) {
    const here = deliveredHere(partition)
    if (here?.topicId === topicId && here.offset >= end) offsets.set(partition, here.offset)
  }
  const others = [...ends.keys()].filter((partition) => !offsets.has(partition))
  if (others.length === 0) return offsets
  try {
    const committed = await committedPositions(coordinators, groupId, topic, others)
    for (const partition of others) {
      const position = committed.get(partition)
      const isThis = position?.topicId === undefined || position.topicId === topicId
      offsets.set(partition, isThis ? (position?.offset ?? 0) : 0)
    }
  } catch {
    // The coordinator moves, or is away; it is looked for again at the next look.
    coordinators.forget(groupId)
    fetcher.reach.suspect()
  }
  return offsets
}
