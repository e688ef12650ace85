import { Gauge, type Registry } from 'prom-client'
import type { BoundedAmount } from '../event-room.ts'

export interface BufferMetricSources {
  readonly bytes: BoundedAmount
  readonly records: BoundedAmount
  /** Those that topics are placed on. */
  readonly clusters: () => Iterable<string>
}

/** How full the buffer is, in bytes and in records, from accept to outcome (interface.md "Metrics"); read at each scrape. */
export function addBufferMetrics(
  registry: Registry,
  { bytes, records, clusters }: BufferMetricSources,
): void {
  const kinds = [
    ['bytes', 'Bytes', bytes],
    ['records', 'Records', records],
  ] as const
  const registers = [registry]
  for (const [unit, word, amount] of kinds) {
    new Gauge({
      name: `forebay_buffer_${unit}`,
      help: `${word} of the buffer that a topic holds, from accept to outcome.`,
      labelNames: ['topic'],
      registers,
      collect() {
        this.reset()
        for (const topic of amount.topics()) this.set({ topic }, amount.ofTopic(topic))
      },
    })
    new Gauge({
      name: `forebay_buffer_cluster_${unit}`,
      help: `${word} of the buffer that the topics of a cluster hold together.`,
      labelNames: ['cluster'],
      registers,
      collect() {
        this.reset()
        for (const cluster of clusters()) this.set({ cluster }, amount.ofCluster(cluster))
      },
    })
    new Gauge({
      name: `forebay_buffer_limit_${unit}`,
      help: `The most ${unit} that the buffer takes.`,
      registers,
      collect() {
        this.set(amount.limit)
      },
    })
  }
}
