/**
 * `turns` turns for `count` topics: the n-th has about 1/n as many as the first (Zipf), each at least one, mixed so that every stretch
 * looks like the whole. Indexes of topics.
 */
export function zipfTurns(count: number, turns: number): number[] {
  const harmonic = Array.from({ length: count }, (_, index) => 1 / (index + 1)).reduce(
    (sum, one) => sum + one,
    0,
  )
  const left = Math.max(0, turns - count)
  const slots = Array.from({ length: count }, (_, index) => {
    const times = 1 + Math.round(left / ((index + 1) * harmonic))
    // Evenly over the period, each topic from a place of its own.
    return Array.from({ length: times }, (_unused, time) => ({
      at: (time + (index % 97) / 97) / times,
      index,
    }))
  }).flat()
  return slots.sort((a, b) => a.at - b.at).map(({ index }) => index)
}
