/** What several rounds of one measurement say. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Median with the smallest and largest value; of nothing: NaN. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? Number.NaN) : upper
  return {
    median: (lower + upper) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  }
}

/** Two measurements round by round: what was measured side by side is compared side by side. */
export function roundByRound(
  left: readonly number[],
  right: readonly number[],
  combine: (left: number, right: number) => number,
): Spread {
  const rounds = Math.min(left.length, right.length)
  return spread(
    Array.from({ length: rounds }, (_, round) =>
      combine(left[round] ?? Number.NaN, right[round] ?? Number.NaN),
    ),
  )
}
