import type { PlacementDocument, RouteSpec, TopicPlacement } from '../../core/placement.ts'
import type { ControlState, StoredPlacement } from './control-store.ts'

/** What proxies and routers are told of a state. Everything is sorted by name, so that equal states give equal documents. */
export function placementDocument(
  order: Pick<PlacementDocument, 'storeId' | 'leaseTerm' | 'version'>,
  state: ControlState,
  placements: readonly StoredPlacement[],
): PlacementDocument {
  const clusters = [...state.Cluster.values()].map(({ spec }) => ({
    id: spec.name,
    role: spec.role,
    bootstrap: spec.bootstrap,
  }))
  const placed = placements.flatMap((placement) => placeTopic(state, placement))
  const routes = [...state.Route.values()].map(
    ({ spec: { name, topic, sink, from, state: running } }): RouteSpec => ({
      id: name,
      topic,
      sink,
      from,
      state: running,
    }),
  )
  return { ...order, clusters, placements: placed, routes }
}

function placeTopic(state: ControlState, placement: StoredPlacement): TopicPlacement[] {
  const spec = state.Topic.get(placement.topic)?.spec
  if (spec === undefined) return []
  const standby = state.Cluster.get(spec.cluster)?.spec.standby
  return [
    {
      topic: spec.name,
      delivery: spec.delivery,
      cluster: placement.cluster,
      ...(standby === undefined ? {} : { standby }),
      holders: placement.holders,
      partitions: spec.partitions,
      maxEventBytes: spec.maxEventBytes,
      check: spec.check,
      eventId: spec.eventId,
      compression: spec.compression,
      mediaTypes: spec.mediaTypes,
      ...(placement.degraded === undefined ? {} : { degraded: placement.degraded }),
      ...(placement.drainFirst === true ? { drainFirst: true } : {}),
    },
  ]
}
