import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { PlacementFeed } from './api/placement-feed.ts'
import type { ControlStore } from './store/control-store.ts'

/** The control plane's registry; its gauges are read from the store at each scrape. */
export function controlMetrics(store: ControlStore, feed: PlacementFeed): Registry {
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
    async collect() {
      for (const [kind, count] of Object.entries(await store.counts()))
        this.set({ kind: kind.toLowerCase() }, count)
    },
  })
  return registry
}
