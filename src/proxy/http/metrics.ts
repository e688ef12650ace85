import { Counter, Gauge, type Registry } from 'prom-client'
import type { Ledger } from '../../core/outcome.ts'
import { plainHistogram } from '../../telemetry/plain-histogram.ts'
import { durationBounds, type Traffic } from './traffic.ts'

export interface MetricSources {
  readonly ledger: Ledger
  readonly traffic: Traffic
  /** Version of the placement in use; `undefined` while there is none. */
  readonly placementVersion: () => number | undefined
}

/** The metrics of the proxy (interface.md "Metrics"), read from plain counters when they are asked for and never touched per event. */
export function registerProxyMetrics(registry: Registry, sources: MetricSources): void {
  registerEvents(registry, sources)
  registerRefusals(registry, sources.traffic)
  registerPlacement(registry, sources)
  registry.registerMetric(
    plainHistogram({
      name: 'forebay_http_request_duration_seconds',
      help: 'Time from the head of a request to its answer.',
      bounds: durationBounds,
      series: () => sources.traffic.series(),
    }),
  )
}

function registerEvents(registry: Registry, { ledger }: MetricSources): void {
  const registers = [registry]
  new Counter({
    name: 'forebay_events_received_total',
    help: 'Events whose boundary was found in a body.',
    labelNames: ['topic'],
    registers,
    collect() {
      this.reset()
      for (const [topic, counts] of ledger.topics) this.inc({ topic }, counts.received)
    },
  })
  new Counter({
    name: 'forebay_events_outcome_total',
    help: 'The one fate of each event: delivered, rejected (the client was told), dropped (lost after it was accepted).',
    labelNames: ['topic', 'outcome', 'reason'],
    registers,
    collect() {
      this.reset()
      for (const [topic, counts] of ledger.topics) {
        this.inc({ topic, outcome: 'delivered', reason: '' }, counts.delivered)
        for (const [reason, events] of counts.rejected)
          this.inc({ topic, outcome: 'rejected', reason }, events)
        for (const [reason, events] of counts.dropped) this.inc({ topic, outcome: 'dropped', reason }, events)
      }
    },
  })
  new Counter({
    name: 'forebay_events_resent_total',
    help: 'Events sent again after an ambiguous outcome: possible duplicates.',
    labelNames: ['topic'],
    registers,
    collect() {
      this.reset()
      for (const [topic, counts] of ledger.topics) this.inc({ topic }, counts.resent)
    },
  })
  new Counter({
    name: 'forebay_events_moved_total',
    help: 'Events that went to another cluster before they were acknowledged, because their topic was placed there.',
    labelNames: ['topic'],
    registers,
    collect() {
      this.reset()
      for (const [topic, counts] of ledger.topics) this.inc({ topic }, counts.moved)
    },
  })
  new Gauge({
    name: 'forebay_events_in_flight',
    help: 'Events accepted and without an outcome yet.',
    registers,
    collect() {
      let inFlight = 0
      for (const counts of ledger.topics.values()) inFlight += counts.inFlight
      this.set(inFlight)
    },
  })
}

function registerRefusals(registry: Registry, traffic: Traffic): void {
  const registers = [registry]
  new Counter({
    name: 'forebay_requests_refused_total',
    help: 'Requests refused before their events were found.',
    labelNames: ['reason', 'topic'],
    registers,
    collect() {
      this.reset()
      for (const [reason, counts] of traffic.refused) this.inc(labelsOf(reason), counts.requests)
    },
  })
  new Counter({
    name: 'forebay_requests_refused_bytes_total',
    help: 'Bytes of their bodies, by Content-Length where it was given.',
    labelNames: ['reason', 'topic'],
    registers,
    collect() {
      this.reset()
      for (const [reason, counts] of traffic.refused) this.inc(labelsOf(reason), counts.bytes)
    },
  })
}

/** No topic where it does not matter; never one that a client made up (semantics "Accounting"). */
function labelsOf(reason: string): Record<string, string> {
  return reason === 'unknown-topic' ? { reason, topic: '_unknown' } : { reason }
}

function registerPlacement(registry: Registry, sources: MetricSources): void {
  const registers = [registry]
  new Gauge({
    name: 'forebay_placement_version',
    help: 'Version of the placement in use; 0 while there is none.',
    aggregator: 'min',
    registers,
    collect() {
      this.set(sources.placementVersion() ?? 0)
    },
  })
}
