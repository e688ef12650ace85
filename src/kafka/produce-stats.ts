/** Upper bounds of the buckets of `forebay_produce_duration_seconds`, in milliseconds. */
export const durationBucketsMs = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const

/** Plain counters of one cluster's producer, read when somebody scrapes: nothing is computed per batch but an addition. */
export class ProduceStats {
  /** Batches. */
  acked = 0
  resent = 0
  failed = 0
  /** To another cluster before they were acknowledged. */
  moved = 0
  /** Topics of which a broker says that they were deleted and made anew. */
  remadeTopics = 0
  /** Requests. */
  unanswered = 0
  /** Answered requests by duration: one more than the bounds, for what is longer than all of them. */
  readonly buckets: number[] = new Array(durationBucketsMs.length + 1).fill(0)
  durationSumMs = 0

  answered(durationMs: number): void {
    this.durationSumMs += durationMs
    let bucket = 0
    while (bucket < durationBucketsMs.length && durationMs > (durationBucketsMs[bucket] ?? 0)) bucket += 1
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1
  }
}
