import type { PlacedCluster, PlacementDocument, RouteSpec, TopicPlacement } from '../src/core/placement.ts'
import type { LogEnd } from '../src/kafka/offsets.ts'

/** One routing job as the placement asks for it. */
export interface JobSpec {
  /** Unique: a job per route and cluster that holds the topic. */
  readonly key: string
  readonly route: RouteSpec
  /** Where it reads. */
  readonly source: PlacedCluster
  /** Where a `kafka` sink writes; absent for other sinks. */
  readonly target?: PlacedCluster
  readonly from: LogEnd
  /** Of the topic, as it was asked for. */
  readonly partitions: number
  /** Producers write to another cluster by now. */
  readonly draining: boolean
  /** Clusters that are to be emptied before this one is read: a planned move keeps the order of keys. */
  readonly after: readonly PlacedCluster[]
}

export function jobKey(route: RouteSpec, cluster: string): string {
  return `${route.id}@${cluster}`
}

/** Which jobs a router runs under a placement. `only`: ids of routes, empty = all. */
export function planJobs(document: PlacementDocument, only: readonly string[]): readonly JobSpec[] {
  const clusters = new Map(document.clusters.map((cluster) => [cluster.id, cluster]))
  const placements = new Map(document.placements.map((placement) => [placement.topic, placement]))
  return document.routes.flatMap((route) => {
    if (only.length > 0 && !only.includes(route.id)) return []
    const placement = placements.get(route.topic)
    if (placement === undefined) return []
    return placement.holders.flatMap((holder): readonly JobSpec[] => {
      const source = clusters.get(holder)
      const target = route.sink.type === 'kafka' ? clusters.get(route.sink.cluster) : undefined
      if (source === undefined || (route.sink.type === 'kafka' && target === undefined)) return []
      return [
        {
          key: jobKey(route, holder),
          route,
          source,
          ...(target === undefined ? {} : { target }),
          // A standby holds what came during a failover only: whoever starts late there would lose the beginning.
          from: source.role === 'standby' ? 'earliest' : route.from,
          partitions: placement.partitions,
          draining: holder !== placement.cluster,
          after: emptiedBefore(holder, placement).flatMap((one) => clusters.get(one) ?? []),
        },
      ]
    })
  })
}

function emptiedBefore(holder: string, { cluster, holders, drainFirst }: TopicPlacement): readonly string[] {
  return drainFirst === true && holder === cluster ? holders.filter((one) => one !== holder) : []
}

/**
 * Whether a running job can stay as it is, apart from what it is told: whether it is paused, drains, or has to wait for others no longer.
 * One that has to wait for more of them is made anew.
 */
export function isSameJob(running: JobSpec, wanted: JobSpec): boolean {
  const known = new Set(running.after.map(({ id }) => id))
  return identity(running) === identity(wanted) && wanted.after.every(({ id }) => known.has(id))
}

function identity({ route, source, target, from }: JobSpec): string {
  return JSON.stringify([route.topic, route.sink, source.bootstrap, target?.bootstrap, from])
}
