import { findCoordinatorV4, offsetFetchV8 } from '@platformatic/kafka'
import { refuse } from './admin-errors.ts'
import type { Ask } from './admin-topics.ts'
import { type BrokerCallOptions, callBroker } from './broker-call.ts'
import { topicIdOf } from './group-offsets.ts'

export interface CommittedQuestion {
  readonly groupId: string
  readonly topic: string
  /** What is committed for another topic of that name, as its metadata say, counts as nothing. */
  readonly topicId: string
  /** Asked for 0 to this − 1. */
  readonly partitions: number
}

const groupKey = 0

/**
 * What groups have committed, by group id, then by partition; −1 = nothing. One request for all coordinators and one to each of them.
 * Each group is asked for one topic. Rejects with a sentence when a group has no coordinator or is refused.
 */
export async function committedOffsets(
  ask: Ask,
  questions: readonly CommittedQuestion[],
  options: BrokerCallOptions,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const committed = new Map(
    questions.map(({ groupId, partitions }) => [groupId, Array.from({ length: partitions }, () => -1)]),
  )
  if (questions.length === 0) return committed
  const topicIds = new Map(questions.map(({ groupId, topicId }) => [groupId, topicId]))
  const { coordinators } = await ask((connection) =>
    findCoordinatorV4.api.async(connection, groupKey, [...committed.keys()]),
  )
  const byBroker = Map.groupBy(coordinators, ({ host, port }) => `${host}:${port}`)
  const work = [...byBroker.values()].map(async (some) => {
    const [coordinator] = some
    if (coordinator === undefined) return
    for (const { key, errorCode, errorMessage } of some)
      refuse(`find the coordinator of group ${key}`, errorCode, errorMessage)
    const keys = new Set(some.map(({ key }) => key))
    const groups = questions
      .filter(({ groupId }) => keys.has(groupId))
      .map(({ groupId, topic, partitions }) => ({
        groupId,
        memberEpoch: -1,
        topics: [{ name: topic, partitionIndexes: Array.from({ length: partitions }, (_, index) => index) }],
      }))
    const answer = await callBroker(coordinator, options, (connection) =>
      offsetFetchV8.api.async(connection, groups, true),
    )
    for (const { groupId, errorCode, topics } of answer.groups) {
      refuse(`read the offsets of group ${groupId}`, errorCode)
      const known = committed.get(groupId)
      for (const partition of topics[0]?.partitions ?? []) {
        const { partitionIndex, committedOffset, metadata } = partition
        refuse(`read the offset of group ${groupId}, partition ${partitionIndex}`, partition.errorCode)
        const wanted = topicIds.get(groupId)
        const isOther = (topicIdOf(metadata) ?? wanted) !== wanted
        if (known !== undefined && !isOther) known[partitionIndex] = Number(committedOffset)
      }
    }
  })
  await Promise.all(work)
  return committed
}
