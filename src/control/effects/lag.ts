export interface Lag {
  readonly route: string
  readonly topic: string
  readonly records: number
  readonly isPaused: boolean
}

/** By partition. */
export interface LagInput {
  /** Up to where it must be delivered. */
  readonly wanted: readonly number[]
  /** −1 = nothing. */
  readonly committed: readonly number[]
  /** Of the log as it is now. */
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

/** Records that are still there and not delivered. A log that was cut off ends before what was wanted of it. Pure. */
export function lagOf({ wanted, committed, starts, ends }: LagInput): number {
  return wanted.reduce((sum, end, partition) => {
    const from = Math.max(committed[partition] ?? -1, starts[partition] ?? 0)
    return sum + Math.max(0, Math.min(end, ends[partition] ?? end) - from)
  }, 0)
}

/** Who is furthest behind, and what to do about it. `lags` must not be empty. */
export function lagSentence(lags: readonly Lag[], cluster: string): string {
  const total = lags.reduce((sum, { records }) => sum + records, 0)
  const last = lags.reduce((a, b) => (b.records > a.records ? b : a))
  const paused = lags.find(({ isPaused }) => isPaused)
  const hint =
    paused === undefined ? '' : `. Route ${paused.route} is paused: resume it, or delete it, and this goes on`
  return `${total} records of ${cluster} are not delivered yet by ${lags.length === 1 ? '1 route' : `${lags.length} routes`}; ${last.route} has ${last.records} to go${hint}`
}
