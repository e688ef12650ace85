import type { Metric } from 'prom-client'

export interface HistogramSeries {
  readonly labels: Readonly<Record<string, string | number>>
  /** Not cumulative; one more than the bounds, for what is above all of them. */
  readonly buckets: ArrayLike<number>
  readonly sumSeconds: number
}

export interface PlainHistogramOptions {
  readonly name: string
  readonly help: string
  /** Upper bounds in seconds, ascending. */
  readonly bounds: readonly number[]
  readonly series: () => Iterable<HistogramSeries>
}

/**
 * A histogram over plain counters, which prom-client prints but does not keep: its own hashes the labels at each observation. A registry
 * asks no more of a metric than `name`, `get` and `reset`, though its type is the union of its classes.
 */
export function plainHistogram({ name, help, bounds, series }: PlainHistogramOptions): Metric {
  const metric = {
    name,
    reset: () => undefined,
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: [...series()].flatMap((one) => values(name, bounds, one)),
    }),
  }
  return metric as unknown as Metric
}

function values(name: string, bounds: readonly number[], { labels, buckets, sumSeconds }: HistogramSeries) {
  let count = 0
  const rows = Array.from(buckets, (bucket, index) => {
    count += bucket
    return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf', ...labels }, value: count }
  })
  return [
    ...rows,
    { metricName: `${name}_sum`, labels, value: sumSeconds },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
