import { Counter, type Registry } from 'prom-client'
import { durationBucketsMs } from '../../kafka/produce-stats.ts'
import { plainHistogram } from '../../telemetry/plain-histogram.ts'
import type { ClusterProducers } from './cluster-producers.ts'
import { addLaneMetrics } from './lane-metrics.ts'

/** The metrics of produce requests, lanes and batches (interface.md), read from plain counters when somebody scrapes. */
export function addProduceMetrics(registry: Registry, producers: ClusterProducers): void {
  new Counter({
    name: 'forebay_batches_total',
    help: 'Batches by what became of them; resent counts attempts, moved those that went to another cluster unacknowledged',
    labelNames: ['cluster', 'outcome'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [cluster, stats] of producers.stats()) {
        this.inc({ cluster, outcome: 'acked' }, stats.acked)
        this.inc({ cluster, outcome: 'resent' }, stats.resent)
        this.inc({ cluster, outcome: 'failed' }, stats.failed)
        this.inc({ cluster, outcome: 'moved' }, stats.moved)
      }
    },
  })
  new Counter({
    name: 'forebay_topics_remade_total',
    help: 'Topics of which a broker said that they were deleted and made anew under the same name',
    labelNames: ['cluster'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [cluster, stats] of producers.stats()) this.inc({ cluster }, stats.remadeTopics)
    },
  })
  addLaneMetrics(registry, producers)
  registry.registerMetric(
    plainHistogram({
      name: 'forebay_produce_duration_seconds',
      help: 'Time from sending a produce request to its answer',
      bounds: durationBucketsMs.map((ms) => ms / 1000),
      *series() {
        for (const [cluster, stats] of producers.stats()) {
          yield { labels: { cluster }, buckets: stats.buckets, sumSeconds: stats.durationSumMs / 1000 }
        }
      },
    }),
  )
}
