import { Problem } from '../../core/problems.ts'
import type { ClusterSpec, RouteResourceSpec, TopicSpec } from '../../core/resources.ts'
import { invalid } from '../documents/check.ts'
import { namespaceOf } from '../documents/resolve.ts'
import type { ControlState, ResourceKind, SpecOf } from '../store/control-store.ts'

/** Refuses changes that the system cannot make, or that would contradict the rest. Pure; throws a Problem. */
export function checkTransition(kind: ResourceKind, spec: SpecOf[ResourceKind], state: ControlState): void {
  if (kind === 'Cluster') checkCluster(spec as ClusterSpec, state)
  else if (kind === 'Topic') checkTopic(spec as TopicSpec, state)
  else if (kind === 'Route') checkRoute(spec as RouteResourceSpec, state)
}

/** A namespace and its topics have one owner; looked at when all documents are in, because an owner changes with both. */
export function checkOwners(after: ControlState): void {
  for (const { spec } of after.Topic.values()) {
    const namespace = after.Namespace.get(namespaceOf(spec.name))?.spec
    if (namespace !== undefined && namespace.owner !== spec.owner) {
      throw invalid(
        `Topic ${spec.name}`,
        'owner',
        `namespace ${namespace.name} belongs to ${namespace.owner}, so ${spec.owner} cannot own a topic in it`,
      )
    }
  }
}

function checkCluster(spec: ClusterSpec, state: ControlState): void {
  const before = state.Cluster.get(spec.name)?.spec
  const user = clusterUser(spec.name, state)
  if (before !== undefined && before.role !== spec.role && user !== undefined)
    throw new Problem('conflict', `Cluster ${spec.name}: the role cannot change while ${user} uses it`)
}

function checkTopic(spec: TopicSpec, state: ControlState): void {
  const label = `Topic ${spec.name}`
  const before = state.Topic.get(spec.name)?.spec
  if (before === undefined) return
  if (spec.partitions < before.partitions) {
    throw invalid(label, 'partitions', `partitions only grow: there are ${before.partitions}`)
  }
  if (spec.cluster !== before.cluster)
    throw new Problem(
      'not-supported-yet',
      `${label}: moving from ${before.cluster} to ${spec.cluster} is not supported yet`,
    )
  if (spec.delivery !== before.delivery) {
    throw new Problem(
      'not-supported-yet',
      `${label}: changing delivery from ${before.delivery} to ${spec.delivery} needs other replicas, which is not supported yet`,
    )
  }
}

function checkRoute(spec: RouteResourceSpec, state: ControlState): void {
  const before = state.Route.get(spec.name)?.spec
  if (before === undefined) return
  const label = `Route ${spec.name}`
  if (before.topic !== spec.topic)
    throw new Problem(
      'conflict',
      `${label}: it carries ${before.topic}. Make another route for ${spec.topic}`,
    )
  if (before.sink.type !== spec.sink.type)
    throw new Problem('conflict', `${label}: its sink is of type ${before.sink.type}. Make another route`)
}

/** Who uses a cluster, as words; `undefined` when nobody does. */
export function clusterUser(name: string, state: ControlState): string | undefined {
  for (const { spec } of state.Topic.values()) if (spec.cluster === name) return `topic ${spec.name}`
  for (const { spec } of state.Route.values())
    if (spec.sink.type === 'kafka' && spec.sink.cluster === name) return `route ${spec.name}`
  for (const { spec } of state.Cluster.values()) if (spec.standby === name) return `cluster ${spec.name}`
  return undefined
}
