import type { PlacedCluster, PlacementDocument, RouteSpec } from '../src/core/placement.ts'
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
}

/** Which jobs a router runs under a placement. `only`: ids of routes, empty = all. */
export function planJobs(document: PlacementDocument, only: readonly string[]): readonly JobSpec[] {
  const clusters = new Map(document.clusters.map((cluster) => [cluster.id, cluster]))
  const placements = new Map(document.placements.map((placement) => [placement.topic, placement]))
  return document.routes.flatMap((route) => {
    if (only.length > 0 && !only.includes(route.id)) return []
    const holders = placements.get(route.topic)?.holders ?? []
    return holders.flatMap((holder): readonly JobSpec[] => {
      const source = clusters.get(holder)
      const target = route.sink.type === 'kafka' ? clusters.get(route.sink.cluster) : undefined
      if (source === undefined || (route.sink.type === 'kafka' && target === undefined)) return []
      return [
        {
          key: `${route.id}@${holder}`,
          route,
          source,
          ...(target === undefined ? {} : { target }),
          // A standby holds what came during a failover only: whoever starts late there would lose the beginning.
          from: source.role === 'standby' ? 'earliest' : route.from,
        },
      ]
    })
  })
}

/** Whether a running job can stay as it is, apart from being paused or resumed. */
export function isSameJob(a: JobSpec, b: JobSpec): boolean {
  return identity(a) === identity(b)
}

function identity({ route, source, target, from }: JobSpec): string {
  return JSON.stringify([route.topic, route.sink, source.bootstrap, target?.bootstrap, from])
}
