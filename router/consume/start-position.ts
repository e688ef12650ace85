import type { ClusterReach } from '../../src/kafka/cluster-reach.ts'
import type { CommittedPosition } from '../../src/kafka/group-offsets.ts'
import type { LogPosition } from '../../src/kafka/offsets.ts'
import type { PartitionLag } from './partition-reader.ts'

/** What a process knew of a partition when it stopped reading it. */
export interface Memory {
  readonly delivered: CommittedPosition
  /** End of what could be read then. */
  readonly end: number | undefined
  readonly lag: PartitionLag
}

export interface StartVerdict {
  /** `undefined` = the route has never stood anywhere in this log. */
  readonly position: LogPosition | undefined
  /** The route stood in an earlier topic of the name. `records` were seen there and are lost; there may have been more. */
  readonly replaced: { readonly from: number; readonly records: number } | undefined
}

/**
 * Where to go on in the topic of this id (semantics "Records": offsets mean nothing without it). A committed position of another topic id
 * is void, and so is what we remember; without a committed one, what we remember of this very topic holds: the disks may be new, or
 * nothing was committed yet.
 */
export function judgeStart(
  topicId: string,
  committed: CommittedPosition | undefined,
  before: Memory | undefined,
): StartVerdict {
  if (committed !== undefined && (committed.topicId === undefined || committed.topicId === topicId)) {
    return { position: committed, replaced: undefined }
  }
  if (before?.delivered.topicId === topicId) return { position: before.delivered, replaced: undefined }
  const left = before?.delivered ?? committed
  if (left === undefined) return { position: undefined, replaced: undefined }
  const records = before === undefined ? 0 : Math.max(0, (before.end ?? 0) - before.delivered.offset)
  return { position: undefined, replaced: { from: left.offset, records } }
}

const firstBackOffMs = 200
const longestBackOffMs = 5_000

export interface FindStartOptions {
  /** Ends the search. */
  readonly signal: AbortSignal
  readonly reach: ClusterReach
  readonly warn: (error: unknown) => void
}

/** Asks until there is an answer for the partition; `undefined` when the search was ended. */
export async function findStart(
  ask: () => Promise<ReadonlyMap<number, LogPosition>>,
  partition: number,
  { signal, reach, warn }: FindStartOptions,
): Promise<LogPosition | undefined> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    await reach.untilBack(signal)
    try {
      const found = (await ask()).get(partition)
      if (found !== undefined) return signal.aborted ? undefined : found
    } catch (error) {
      reach.suspect()
      if (failures > 1) warn(error)
    }
    const backOffMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(failures, 10))
    await new Promise((resolve) => setTimeout(resolve, backOffMs))
  }
  return undefined
}
