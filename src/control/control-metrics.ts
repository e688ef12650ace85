import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { FailoverControl } from './drive/failover-control.ts'
import type { LeaseKeeper } from './leadership/lease-keeper.ts'
import type { StateFeed } from './store/state-feed.ts'

/** The control plane's registry; its gauges are read at each scrape. */
export function controlMetrics(feed: StateFeed, keeper: LeaseKeeper): Registry {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'forebay_placement_version',
    help: 'Version of the placement document.',
    registers,
    collect() {
      this.set(feed.current.document.version)
    },
  })
  new Gauge({
    name: 'forebay_placement_waiters',
    help: 'Long-polls that wait for the next placement.',
    registers,
    collect() {
      this.set(feed.waiting)
    },
  })
  new Gauge({
    name: 'forebay_resources',
    help: 'Namespaces, clusters, topics and routes in the store.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, found] of Object.entries(feed.state))
        this.set({ kind: kind.toLowerCase() }, found.size)
    },
  })
  new Gauge({
    name: 'forebay_control_leading',
    help: '1 while this replica of the control plane leads.',
    registers,
    collect() {
      this.set(keeper.term === undefined ? 0 : 1)
    },
  })
  new Gauge({
    name: 'forebay_control_lease_term',
    help: 'Lease term of the leader, as this replica last saw it.',
    registers,
    collect() {
      this.set(feed.position.leadership.term)
    },
  })
  new Gauge({
    name: 'forebay_control_store_up',
    help: '0 while the store does not answer and reads are answered from memory.',
    registers,
    collect() {
      this.set(keeper.trouble === undefined ? 1 : 0)
    },
  })
  return registry
}

const clusterStates = ['home', 'moving', 'away', 'returning'] as const

/** One of the states of each watched cluster is 1; nothing on a replica that does not lead. */
export function addClusterStates(registry: Registry, failover: Pick<FailoverControl, 'states'>): void {
  new Gauge({
    name: 'forebay_cluster_state',
    help: 'Where the topics of a fronting cluster are: 1 for its state (home, moving, away, returning).',
    labelNames: ['cluster', 'state'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [cluster, now] of failover.states)
        for (const state of clusterStates) this.set({ cluster, state }, state === now ? 1 : 0)
    },
  })
}

/** In seconds, observed when a failover has moved everything. */
export function failoverDurations(registry: Registry): Histogram {
  return new Histogram({
    name: 'forebay_failover_duration_seconds',
    help: 'From the beginning of a failover until every topic flows through the standby.',
    buckets: [1, 2, 3, 4, 6, 8, 12, 20, 30, 60, 120, 300],
    registers: [registry],
  })
}
