import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
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
