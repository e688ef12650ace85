/** Upper bound of the first bucket. */
const firstMs = 0.25
/** Each bucket ends this much later than the one before, so a quantile is at most a fifth too long. */
const growth = 1.2
/** The last one ends at two minutes and holds everything longer. */
const bucketCount = 73
const logGrowth = Math.log(growth)

/** Durations since the last `clear`, weighted: a few hundred bytes, whatever is noted. */
export class DurationWindow {
  readonly #buckets = new Uint32Array(bucketCount)
  #total = 0

  /** `weight` is a number of events. */
  add(durationMs: number, weight: number): void {
    const bucket = durationMs <= firstMs ? 0 : Math.ceil(Math.log(durationMs / firstMs) / logGrowth)
    const index = Math.min(bucket, bucketCount - 1)
    this.#buckets[index] = (this.#buckets[index] ?? 0) + weight
    this.#total += weight
  }

  /** The end of the bucket in which the quantile (0 to 1) lies, in milliseconds; `undefined` when nothing was noted. */
  quantileMs(quantile: number): number | undefined {
    if (this.#total === 0) return undefined
    let rest = Math.ceil(this.#total * quantile)
    for (let index = 0; index < bucketCount; index += 1) {
      rest -= this.#buckets[index] ?? 0
      if (rest <= 0) return Math.round(firstMs * growth ** index * 100) / 100
    }
    return undefined
  }

  clear(): void {
    if (this.#total === 0) return
    this.#buckets.fill(0)
    this.#total = 0
  }
}
