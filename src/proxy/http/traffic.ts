import type { HistogramSeries } from '../../telemetry/plain-histogram.ts'

/** Upper bounds of the buckets of forebay_http_request_duration_seconds. */
export const durationBounds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30,
]

interface DurationSeries {
  readonly labels: { readonly family: string; readonly status: number }
  readonly buckets: Float64Array
  sumSeconds: number
}

/** Plain counters of the HTTP side, read when `/metrics` is asked for. Both kinds of keys are bounded: status codes and fixed words. */
export class Traffic {
  readonly #durations = new Map<string, DurationSeries>()
  #last: DurationSeries | undefined
  readonly refused = new Map<string, { requests: number; bytes: number }>()

  /** One answered request of a wire family. */
  observe(family: string, status: number, seconds: number): void {
    // Nearly always the same as before: no key is made for it.
    let series = this.#last
    if (series?.labels.status !== status || series.labels.family !== family) {
      series = this.#seriesOf(family, status)
      this.#last = series
    }
    let bucket = 0
    while (bucket < durationBounds.length && seconds > (durationBounds[bucket] as number)) bucket += 1
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1
    series.sumSeconds += seconds
  }

  #seriesOf(family: string, status: number): DurationSeries {
    const key = `${family} ${status}`
    let series = this.#durations.get(key)
    if (series === undefined) {
      series = {
        labels: { family, status },
        buckets: new Float64Array(durationBounds.length + 1),
        sumSeconds: 0,
      }
      this.#durations.set(key, series)
    }
    return series
  }

  /** For `/metrics`. */
  series(): Iterable<HistogramSeries> {
    return this.#durations.values()
  }

  /** A request refused before its events were found; `reason` is a problem's name or another fixed word. */
  refuse(reason: string, bytes: number): void {
    const counts = this.refused.get(reason)
    if (counts === undefined) this.refused.set(reason, { requests: 1, bytes })
    else {
      counts.requests += 1
      counts.bytes += bytes
    }
  }
}
