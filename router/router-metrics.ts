import { Counter, Gauge, type Registry } from 'prom-client'
import type { JobLag } from './consume/job-status.ts'
import type { JobEvents } from './consume/routing-job.ts'

/** What the gauges ask of each job at a scrape. */
export interface JobGauges extends JobLag {
  readonly route: string
  readonly cluster: string
}

/**
 * The metrics of the routes. `route` and `cluster` grow with the placement; jobs that are gone are taken out of the gauges. The lag of a
 * route is the sum over its clusters, its freshness the largest.
 */
export class RouterMetrics {
  readonly #records: Counter<'route' | 'outcome'>
  readonly #bytes: Counter<'route'>
  readonly #moves: Counter<'route' | 'cluster' | 'reason'>
  readonly #moved: Counter<'route' | 'cluster' | 'reason'>

  constructor(registry: Registry, jobs: () => readonly JobGauges[]) {
    const registers = [registry]
    new Gauge({
      name: 'forebay_route_lag_records',
      help: 'Records that can be read and are not with the sink yet; of a cluster that is away, when it went.',
      labelNames: ['route', 'cluster'],
      registers,
      collect() {
        this.reset()
        for (const { route, cluster, records } of jobs()) this.set({ route, cluster }, records)
      },
    })
    new Gauge({
      name: 'forebay_route_freshness_seconds',
      help: 'Age of the latest delivered record of the partition that is furthest behind; 0 when none lags.',
      labelNames: ['route', 'cluster'],
      registers,
      collect() {
        this.reset()
        for (const { route, cluster, freshnessSeconds } of jobs())
          this.set({ route, cluster }, freshnessSeconds)
      },
    })
    this.#records = new Counter({
      name: 'forebay_sink_records_total',
      help: 'Records taken to the sink. outcome: delivered (the sink has them; repeats count again).',
      labelNames: ['route', 'outcome'],
      registers,
    })
    this.#bytes = new Counter({
      name: 'forebay_sink_bytes_total',
      help: 'Bytes that the sink has, as it was given them.',
      labelNames: ['route'],
      registers,
    })
    this.#moves = new Counter({
      name: 'forebay_route_repositions_total',
      help: 'Positions that were moved other than by reading. reason: diverged, out-of-range, topic-replaced.',
      labelNames: ['route', 'cluster', 'reason'],
      registers,
    })
    this.#moved = new Counter({
      name: 'forebay_route_repositioned_records_total',
      help: 'Offsets that a position was moved over. reason: diverged (read, and rewritten by a new leader), out-of-range (gone before they were read), topic-replaced (known of the topic that was there before, and not read).',
      labelNames: ['route', 'cluster', 'reason'],
      registers,
    })
    this.#failures = new Counter({
      name: 'forebay_sink_failures_total',
      help: 'Attempts that the sink refused; what they carried is tried again.',
      labelNames: ['route'],
      registers,
    })
  }

  readonly #failures: Counter<'route'>

  events(route: string, cluster: string): JobEvents {
    return {
      onResult: (result) => {
        if (result.records > 0) {
          this.#records.inc({ route, outcome: 'delivered' }, result.records)
          this.#bytes.inc({ route }, result.bytes)
        }
        if (result.kind === 'failed') this.#failures.inc({ route })
      },
      onReposition: (reason, records) => {
        this.#moves.inc({ route, cluster, reason })
        this.#moved.inc({ route, cluster, reason }, records)
      },
    }
  }
}
