import type { StackLayout } from './stack-layout.ts'
import type { BuiltSink } from './start-options.ts'

export type Document = Readonly<Record<string, unknown>> & { readonly kind: string; readonly name: string }

/** The three clusters, as `apply` takes them. */
export function clusterDocuments({ clusters }: StackLayout): Document[] {
  // A fronting cluster names its standby, so that one must be known first.
  const order = { standby: 0, consumer: 1, fronting: 2 }
  return clusters
    .toSorted((a, b) => order[a.role] - order[b.role])
    .map(({ name, role, standby, brokers }) => ({
      kind: 'Cluster',
      name,
      role,
      bootstrap: brokers.filter(({ asleep }) => asleep !== true).map(({ port }) => `127.0.0.1:${port}`),
      ...(standby === undefined ? {} : { standby }),
    }))
}

const common = { kind: 'Topic', owner: 'sample', cluster: 'fronting-a', partitions: 6 }

const topics: readonly Document[] = [
  // Large events are there to be tried on this one.
  { ...common, name: 'sample.events', delivery: 'fast', maxEventBytes: '16MiB' },
  { ...common, name: 'sample.orders', delivery: 'durable', maxEventBytes: '1MiB' },
]

/** The sample topics, each routed to every sink that runs. */
export function sampleDocuments(sinks: readonly BuiltSink[]): Document[] {
  const routes = topics.flatMap(({ name }) =>
    sinks.map((type) => ({ kind: 'Route', name: `${name}.${type}`, topic: name, sink: { type } })),
  )
  return [...topics, ...routes]
}
