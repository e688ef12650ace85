import { offsetFetchV8 } from '@platformatic/kafka'
import type { GroupCoordinators } from './group-coordinators.ts'
import type { LogPosition } from './offsets.ts'

/** A committed position with the identity of the log that it is in (semantics "Records"): names and offsets come again, ids do not. */
export interface CommittedPosition extends LogPosition {
  /** Absent where somebody else committed it: then it is taken to be of the topic as it is now. */
  readonly topicId?: string
}

const prefix = 'topic-id='

/** What is written beside an offset, where tools show it as its metadata. */
export function committedMetadata({ topicId }: CommittedPosition): string | null {
  return topicId === undefined ? null : `${prefix}${topicId}`
}

export function topicIdOf(metadata: string | null | undefined): string | undefined {
  return metadata?.startsWith(prefix) === true ? metadata.slice(prefix.length) : undefined
}

/** Committed positions of a group; partitions without one are not in the answer. Rejects as `GroupCalls` does. */
export async function committedPositions(
  coordinators: GroupCoordinators,
  groupId: string,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, CommittedPosition>> {
  const { groups } = await coordinators.call(groupId, (connection) =>
    offsetFetchV8.api.async(
      connection,
      [{ groupId, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: [...partitions] }] }],
      true,
    ),
  )
  const found = new Map<number, CommittedPosition>()
  for (const { partitionIndex, committedOffset, committedLeaderEpoch, metadata } of groups[0]?.topics[0]
    ?.partitions ?? []) {
    if (committedOffset < 0n) continue
    const topicId = topicIdOf(metadata)
    const position = { offset: Number(committedOffset), leaderEpoch: committedLeaderEpoch }
    found.set(partitionIndex, topicId === undefined ? position : { ...position, topicId })
  }
  return found
}
