import { Counter, Gauge, type Registry } from 'prom-client'
import type { JobEvents } from './consume/routing-job.ts'

/** What the gauges ask at a scrape, per route. */
export interface RouteGauges {
  readonly lagRecords: number
  readonly freshnessSeconds: number
}

/** The metrics of the routes. `route` is the only label that grows, with the placement; routes that are gone are taken out. */
export class RouterMetrics {
  readonly #records: Counter<'route' | 'outcome'>
  readonly #bytes: Counter<'route'>
  readonly #moved: Counter<'route' | 'reason'>

  constructor(registry: Registry, routes: () => ReadonlyMap<string, RouteGauges>) {
    const registers = [registry]
    new Gauge({
      name: 'forebay_route_lag_records',
      help: 'Records that can be read and are not with the sink yet.',
      labelNames: ['route'],
      registers,
      collect() {
        this.reset()
        for (const [route, { lagRecords }] of routes()) this.set({ route }, lagRecords)
      },
    })
    new Gauge({
      name: 'forebay_route_freshness_seconds',
      help: 'Age of the latest delivered record of the partition that is furthest behind; 0 when none lags.',
      labelNames: ['route'],
      registers,
      collect() {
        this.reset()
        for (const [route, { freshnessSeconds }] of routes()) this.set({ route }, freshnessSeconds)
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
    this.#moved = new Counter({
      name: 'forebay_route_repositioned_records_total',
      help: 'Offsets that a position was moved over. reason: diverged (rewritten by a new leader), out-of-range (gone before they were read), topic-replaced.',
      labelNames: ['route', 'reason'],
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

  events(route: string): JobEvents {
    return {
      onResult: (result) => {
        if (result.records > 0) {
          this.#records.inc({ route, outcome: 'delivered' }, result.records)
          this.#bytes.inc({ route }, result.bytes)
        }
        if (result.kind === 'failed') this.#failures.inc({ route })
      },
      onReposition: (reason, records) => this.#moved.inc({ route, reason }, records),
    }
  }
}
