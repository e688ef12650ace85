import type { FetchRequest, FetchTopic } from './fetch-protocol.ts'

/** A subscription that could be asked for now. */
export interface FetchCandidate {
  readonly topicId: string
  readonly partition: number
  readonly fetchOffset: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
  readonly maxBytes: number
  /** Records are known to wait for it, or nothing is known yet. */
  readonly behind: boolean
  /** Number of the round that last brought records for it. */
  readonly lastRound: number
}

export interface FetchPlan<Candidate> {
  readonly request: FetchRequest
  /** What is asked for, in the order of the request. */
  readonly chosen: readonly Candidate[]
}

export interface FetchLimits {
  readonly maxWaitMs: number
  readonly maxBytes: number
}

/**
 * One request for one broker. A request cannot name a topic-partition twice, so of several subscriptions to one (two routes of a topic)
 * one is chosen: those that are behind take turns, and the others only wait for new records, which any of them may do for all. So the
 * request waits at the broker only when nobody who was left out is behind. Those served longest ago come first, because a broker
 * fills its answer in this order and gives the first batch whole, however large.
 */
export function planFetch<Candidate extends FetchCandidate>(
  candidates: readonly Candidate[],
  { maxWaitMs, maxBytes }: FetchLimits,
): FetchPlan<Candidate> {
  const byPartition = new Map<string, Candidate>()
  let leftOutBehind = false
  for (const candidate of candidates) {
    const key = `${candidate.topicId}/${candidate.partition}`
    const rival = byPartition.get(key)
    if (rival === undefined) {
      byPartition.set(key, candidate)
      continue
    }
    const wins = precedes(candidate, rival)
    if (wins) byPartition.set(key, candidate)
    if ((wins ? rival : candidate).behind) leftOutBehind = true
  }
  const chosen = [...byPartition.values()].sort((a, b) => a.lastRound - b.lastRound)
  return {
    request: { maxWaitMs: leftOutBehind ? 0 : maxWaitMs, maxBytes, topics: groupByTopic(chosen) },
    chosen,
  }
}

function precedes(candidate: FetchCandidate, rival: FetchCandidate): boolean {
  return candidate.behind === rival.behind ? candidate.lastRound < rival.lastRound : candidate.behind
}

function groupByTopic(chosen: readonly FetchCandidate[]): readonly FetchTopic[] {
  const topics = new Map<string, FetchCandidate[]>()
  for (const candidate of chosen) {
    const known = topics.get(candidate.topicId)
    if (known === undefined) topics.set(candidate.topicId, [candidate])
    else known.push(candidate)
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }))
}
