import { Counter, Gauge, type Registry } from 'prom-client'
import type { ClusterProducers } from './cluster-producers.ts'

const breakerStates = ['closed', 'half-open', 'open'] as const

/** The metrics of lanes and of the clusters behind them, read at each scrape (interface.md "Metrics", and what is beside it). */
export function addLaneMetrics(registry: Registry, producers: ClusterProducers): void {
  const registers = [registry]
  new Gauge({
    name: 'forebay_lane_bytes',
    help: 'Bytes sent to a broker and not answered yet',
    labelNames: ['cluster', 'broker'],
    registers,
    collect() {
      this.reset()
      for (const [cluster, { lanes }] of producers.states()) {
        for (const { broker, bytes } of lanes) this.inc({ cluster, broker: String(broker) }, bytes)
      }
    },
  })
  new Gauge({
    name: 'forebay_lane_breaker_state',
    help: '1 for the state that the breaker of a lane is in, 0 for the others; open = the lane is left out',
    labelNames: ['cluster', 'broker', 'acks', 'state'],
    registers,
    collect() {
      this.reset()
      for (const [cluster, { lanes }] of producers.states()) {
        for (const { broker, acks, breaker } of lanes) {
          for (const state of breakerStates) {
            const labels = { cluster, broker: String(broker), acks: acksLabel(acks), state }
            this.set(labels, state === breaker ? 1 : 0)
          }
        }
      }
    },
  })
  new Counter({
    name: 'forebay_lane_breaker_opened_total',
    help: 'How often a lane was left out: a request unanswered at its deadline, or a connection lost or not made',
    labelNames: ['cluster', 'broker', 'acks'],
    registers,
    collect() {
      this.reset()
      for (const [cluster, producer] of producers.all()) {
        for (const { broker, acks, timesOpened } of producer.lanes()) {
          this.inc({ cluster, broker: String(broker), acks: acksLabel(acks) }, timesOpened)
        }
      }
    },
  })
  new Gauge({
    name: 'forebay_ack_age_seconds',
    help: 'Time since a cluster acknowledged something, while something waits for it; 0 while nothing does',
    labelNames: ['cluster'],
    aggregator: 'max',
    registers,
    collect() {
      this.reset()
      for (const [cluster, { ackAgeMs }] of producers.states()) this.set({ cluster }, (ackAgeMs ?? 0) / 1000)
    },
  })
}

/** As Kafka's own setting is written. */
function acksLabel(acks: 1 | -1): string {
  return acks === 1 ? '1' : 'all'
}
