import type { PartitionLag } from './partition-reader.ts'

export interface JobLag {
  readonly records: number
  /** Seconds since the latest record that was delivered of the partition that is furthest behind; 0 when none lags. */
  readonly freshnessSeconds: number
}

export type JobState =
  | { readonly state: 'reading' | 'draining' | 'paused' }
  | { readonly state: 'waiting'; readonly for: string }

export interface JobFacts {
  readonly paused: boolean
  /** Producers write elsewhere. */
  readonly draining: boolean
  /** No broker answers. */
  readonly away: boolean
  readonly topicKnown: boolean
  /** What was read waits for other clusters to be emptied. */
  readonly gated: boolean
  /** Partitions that are this router's. */
  readonly owned: number
  /** Those that are being read. */
  readonly reading: number
}

/** In words of people, the first that holds. */
export function judgeState(facts: JobFacts): JobState {
  if (facts.paused) return { state: 'paused' }
  if (facts.away) return waiting('the cluster')
  if (facts.gated) return waiting('the clusters that are emptied first')
  if (facts.owned === 0) return waiting('partitions')
  if (!facts.topicKnown) return waiting('the topic')
  if (facts.reading === 0) return waiting('a start')
  return { state: facts.draining ? 'draining' : 'reading' }
}

function waiting(what: string): JobState {
  return { state: 'waiting', for: what }
}

export function sumLags(lags: readonly PartitionLag[], wallMs: number): JobLag {
  const records = lags.reduce((sum, lag) => sum + lag.records, 0)
  const sinceMs = Math.min(...lags.map(({ behindSinceMs }) => behindSinceMs ?? wallMs), wallMs)
  return { records, freshnessSeconds: (wallMs - sinceMs) / 1000 }
}
