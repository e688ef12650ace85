/** Bits of a value that are kept: the error is below 2^-10 of it, three decimal digits as HDR histograms have by default. */
const keptBits = 10
const linear = 2 ** (keptBits + 1)
/** Larger values are counted as this: 2^31 − 1 µs are 35 minutes. */
const largest = 2 ** 31 - 1

/** What of a distribution goes into a report, in the unit of the values. */
export interface Quantiles {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/**
 * Counts whole numbers from 0 in buckets that are 1 wide up to 2,047 and then twice as wide with every doubling (a log-linear, "HDR"
 * histogram): constant memory, no sampling, and a quantile is never below the exact one and above it by less than 1 part in 1,024.
 */
export class Histogram {
  readonly #counts = new Float64Array(bucketOf(largest) + 1)
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  get count(): number {
    return this.#count
  }

  /** Rounds to a whole number; below 0 counts as 0. */
  add(value: number): void {
    const whole = Math.min(largest, Math.max(0, Math.round(value)))
    const bucket = bucketOf(whole)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count += 1
    this.#sum += whole
    this.#min = Math.min(this.#min, whole)
    this.#max = Math.max(this.#max, whole)
  }

  merge(other: Histogram): void {
    for (const [bucket, count] of other.#counts.entries()) {
      if (count > 0) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count
    }
    this.#count += other.#count
    this.#sum += other.#sum
    this.#min = Math.min(this.#min, other.#min)
    this.#max = Math.max(this.#max, other.#max)
  }

  /** The smallest value that at least the part `q` (0 to 1) of all values does not exceed; of nothing: NaN. */
  quantile(q: number): number {
    if (this.#count === 0) return Number.NaN
    const wanted = Math.max(1, Math.ceil(q * this.#count))
    let below = 0
    for (const [bucket, count] of this.#counts.entries()) {
      below += count
      if (below >= wanted) return Math.min(this.#max, upperEnd(bucket))
    }
    return this.#max
  }

  quantiles(): Quantiles {
    return {
      count: this.#count,
      mean: this.#count === 0 ? Number.NaN : this.#sum / this.#count,
      p50: this.quantile(0.5),
      p99: this.quantile(0.99),
      p999: this.quantile(0.999),
      max: this.#count === 0 ? Number.NaN : this.#max,
    }
  }
}

/** Numbers below `linear` are their own bucket; above, each doubling has `linear` ÷ 2 buckets. */
function bucketOf(value: number): number {
  if (value < linear) return value
  const shift = 31 - Math.clz32(value) - keptBits
  return (shift << keptBits) + (value >>> shift)
}

/** The largest value of a bucket. */
function upperEnd(bucket: number): number {
  if (bucket < linear) return bucket
  const shift = (bucket >>> keptBits) - 1
  const first = (bucket - (shift << keptBits)) * 2 ** shift
  return first + 2 ** shift - 1
}
