import { Problem } from '../../core/problems.ts'
import type { ClusterSpec, ProvisionedTopic, RouteResourceSpec, TopicSpec } from '../../core/resources.ts'
import type { Provisioner, ProvisionRequest } from '../provision/provisioner.ts'
import type { Change, ControlState, StoredResource } from '../store/control-store.ts'

/** What a topic or route became in Kafka, and the changes that record it. */
export interface Realised {
  readonly changes: readonly Change[]
  readonly notes: readonly string[]
}

/**
 * Makes the Kafka topics of a topic be as it says: those of its sinks first, so that a router never finds a partition that has no
 * counterpart. Resolves when all have leaders; only then may the placement speak of it.
 */
export async function realiseTopic(
  spec: TopicSpec,
  state: ControlState,
  provisioner: Provisioner,
): Promise<Realised> {
  const changes: Change[] = []
  const notes: string[] = []
  for (const route of routesOf(spec.name, state)) {
    const realised = await realiseRoute(route.spec, spec, state, provisioner)
    changes.push(...realised.changes)
    notes.push(...realised.notes)
  }
  const before = state.Topic.get(spec.name)
  const request = topicRequest(spec, state)
  const { topic, notes: own } = await provisioner.provision(request)
  if (!sameProvision(before, spec, [topic])) {
    changes.push({ action: 'put', kind: 'Topic', spec, provisioned: [topic] })
    const { degraded } = topic
    changes.push({
      action: 'place',
      placement: {
        topic: spec.name,
        cluster: spec.cluster,
        holders: [spec.cluster],
        ...(degraded === undefined ? {} : { degraded }),
      },
    })
  }
  return { changes, notes: [...own, ...notes] }
}

/** Makes the sink's Kafka topic, with as many partitions as the topic has: pass-through maps p to p (semantics "Router"). */
export async function realiseRoute(
  route: RouteResourceSpec,
  topic: TopicSpec,
  state: ControlState,
  provisioner: Provisioner,
): Promise<Realised> {
  const before = state.Route.get(route.name)
  const request = sinkRequest(route, topic, state)
  if (request === undefined) {
    const put: Change = { action: 'put', kind: 'Route', spec: route, provisioned: [] }
    return { changes: sameProvision(before, route, []) ? [] : [put], notes: [] }
  }
  await refuseLoop(route, topic, request, state, provisioner)
  const { topic: made, notes } = await provisioner.provision(request)
  if (sameProvision(before, route, [made])) return { changes: [], notes }
  return { changes: [{ action: 'put', kind: 'Route', spec: route, provisioned: [made] }], notes }
}

export function topicRequest(spec: TopicSpec, state: ControlState): ProvisionRequest {
  const known = state.Topic.get(spec.name)?.provisioned.find(({ cluster }) => cluster === spec.cluster)
  return { cluster: clusterOf(spec.cluster, state), kafkaTopic: spec.name, spec, known }
}

export function sinkRequest(
  { name, sink }: RouteResourceSpec,
  spec: TopicSpec,
  state: ControlState,
): ProvisionRequest | undefined {
  if (sink.type !== 'kafka') return undefined
  const known = state.Route.get(name)?.provisioned.find(({ cluster }) => cluster === sink.cluster)
  return { cluster: clusterOf(sink.cluster, state), kafkaTopic: sink.topic, spec, known }
}

export function routesOf(topic: string, state: ControlState): readonly StoredResource<'Route'>[] {
  return [...state.Route.values()].filter(({ spec }) => spec.topic === topic)
}

/** A sink that is the topic itself, under another name of the same cluster, would go round for ever. */
async function refuseLoop(
  route: RouteResourceSpec,
  topic: TopicSpec,
  request: ProvisionRequest,
  state: ControlState,
  provisioner: Provisioner,
): Promise<void> {
  if (request.kafkaTopic !== topic.name) return
  const [source, target] = await Promise.all([
    provisioner.describe(clusterOf(topic.cluster, state)),
    provisioner.describe(request.cluster),
  ])
  if (source.kafkaClusterId === target.kafkaClusterId) {
    throw new Problem(
      'conflict',
      `Route ${route.name}: ${topic.cluster} and ${request.cluster.name} are the same Kafka cluster, so topic ${topic.name} would be carried into itself`,
    )
  }
}

function clusterOf(name: string, state: ControlState): ClusterSpec {
  const cluster = state.Cluster.get(name)?.spec
  if (cluster === undefined) throw new Problem('conflict', `there is no cluster ${name}`)
  return cluster
}

function sameProvision(
  before: StoredResource | undefined,
  spec: object,
  provisioned: readonly ProvisionedTopic[],
): boolean {
  return (
    before !== undefined &&
    JSON.stringify(before.spec) === JSON.stringify(spec) &&
    JSON.stringify(before.provisioned) === JSON.stringify(provisioned)
  )
}
