import { Problem } from '../../core/problems.ts'
import type { ClusterSpec, ProvisionedTopic, RouteResourceSpec, TopicSpec } from '../../core/resources.ts'
import type { Provisioned, Provisioner, ProvisionRequest } from '../provision/provisioner.ts'
import type { ControlState, StoredPlacement, StoredResource } from '../store/control-store.ts'
import type { Places } from './place.ts'

/** What the Kafka topics of a topic came to; recorded by record.ts against what the store holds by then. */
export interface RealisedTopic {
  readonly spec: TopicSpec
  /** Where it was, or a new one will be. */
  readonly place: StoredPlacement
  /** By the clusters that answered. */
  readonly made: readonly ProvisionedTopic[]
  readonly routes: readonly RealisedRoute[]
  readonly notes: readonly string[]
}

export interface RealisedRoute {
  readonly spec: RouteResourceSpec
  readonly made: readonly ProvisionedTopic[]
  readonly notes: readonly string[]
}

/**
 * Makes the Kafka topics of topics be as they say, on every cluster that holds them: those of their sinks first, so that a router never
 * finds a partition that has no counterpart. Resolves when all have leaders; only then may a placement speak of them. In the order of
 * the specs; an error (a Problem) is of that topic alone. A holder that does not answer is left out with a note, unless it is the one that takes the topic's
 * events: a topic is made right on its home before it comes home.
 */
export async function realiseTopics(
  specs: readonly TopicSpec[],
  state: ControlState,
  places: Places,
  provisioner: Provisioner,
): Promise<readonly (RealisedTopic | Error)[]> {
  const routes = specs.flatMap((spec) => routesOf(spec.name, state).map((route) => route.spec))
  const bySpec = new Map(specs.map((spec) => [spec.name, spec]))
  const realised = await realiseRoutes(routes, bySpec, state, places, provisioner)
  const carried = Map.groupBy(realised, (_, index) => routes[index]?.topic)
  const requests = specs.map((spec) => holderRequests(spec, places.of(spec), state))
  const results = await provisionGroups(requests, provisioner)
  return specs.map((spec, index) => {
    const onHolders = (results[index] ?? []).map((result, at) => ({
      cluster: requests[index]?.[at]?.cluster.name ?? '',
      result,
    }))
    return joined(spec, places.of(spec), carried.get(spec.name) ?? [], onHolders)
  })
}

/** Makes the sinks' Kafka topics, with as many partitions as the topics have: pass-through maps p to p (semantics "Router"). */
export async function realiseRoutes(
  routes: readonly RouteResourceSpec[],
  topics: ReadonlyMap<string, TopicSpec>,
  state: ControlState,
  places: Places,
  provisioner: Provisioner,
): Promise<readonly (RealisedRoute | Error)[]> {
  const requests = routes.map((route) => {
    const topic = topics.get(route.topic)
    const request = topic === undefined ? undefined : sinkRequest(route, topic, state)
    return request === undefined ? [] : [request]
  })
  const loops = await Promise.all(
    routes.map((route, index) => {
      const topic = topics.get(route.topic)
      if (topic === undefined)
        return new Problem('conflict', `Route ${route.name}: there is no topic ${route.topic}`)
      const { cluster } = places.of(topic)
      return loopOf(route, topic, clusterOf(cluster, state), requests[index]?.[0], provisioner)
    }),
  )
  const sound = requests.map((some, index) => (loops[index] === undefined ? some : []))
  const results = await provisionGroups(sound, provisioner)
  return routes.map((spec, index) => {
    const made = results[index] ?? []
    const problem = loops[index] ?? made.find((one) => one instanceof Error)
    if (problem !== undefined) return problem
    const all = made.filter((one): one is Provisioned => !(one instanceof Error))
    return { spec, made: all.map(({ topic }) => topic), notes: all.flatMap(({ notes }) => notes) }
  })
}

export function topicRequest(spec: TopicSpec, cluster: string, state: ControlState): ProvisionRequest {
  const known = state.Topic.get(spec.name)?.provisioned.find((made) => made.cluster === cluster)
  return { cluster: clusterOf(cluster, state), kafkaTopic: spec.name, spec, known }
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

/** The first is that of the cluster which takes the events. Others may be on their way out, and sealed. */
function holderRequests(
  spec: TopicSpec,
  { cluster, holders }: StoredPlacement,
  state: ControlState,
): readonly ProvisionRequest[] {
  const others = holders.filter((holder) => holder !== cluster && state.Cluster.has(holder))
  return [
    topicRequest(spec, cluster, state),
    ...others.map((holder) => ({ ...topicRequest(spec, holder, state), keepSeal: true })),
  ]
}

function joined(
  spec: TopicSpec,
  place: StoredPlacement,
  routes: readonly (RealisedRoute | Error)[],
  results: readonly { readonly cluster: string; readonly result: Provisioned | Error }[],
): RealisedTopic | Error {
  const made: ProvisionedTopic[] = []
  const notes: string[] = []
  for (const { cluster, result } of results) {
    const isSilent = result instanceof Problem && result.problem === 'cluster-unavailable'
    if (!(result instanceof Error)) {
      made.push(result.topic)
      notes.push(...result.notes)
    } else if (isSilent && cluster !== place.cluster)
      notes.push(`${cluster} does not answer: it gets this before ${spec.name} comes back to it`)
    else return result
  }
  const carried: RealisedRoute[] = []
  for (const route of routes) {
    if (route instanceof Error) return route
    carried.push(route)
  }
  return { spec, place, made, routes: carried, notes: [...notes, ...carried.flatMap((route) => route.notes)] }
}

/** All groups in one go, cut apart again. */
async function provisionGroups(
  groups: readonly (readonly ProvisionRequest[])[],
  provisioner: Provisioner,
): Promise<readonly (readonly (Provisioned | Error)[])[]> {
  const results = await provisioner.provision(groups.flat())
  let next = 0
  return groups.map(({ length }) => {
    const from = next
    next += length
    return results.slice(from, next)
  })
}

/** A sink that is the topic itself, under another name of the same cluster, would go round for ever. */
async function loopOf(
  route: RouteResourceSpec,
  topic: TopicSpec,
  source: ClusterSpec,
  request: ProvisionRequest | undefined,
  provisioner: Provisioner,
): Promise<Error | undefined> {
  if (request === undefined || request.kafkaTopic !== topic.name) return undefined
  try {
    const described = await Promise.all([provisioner.describe(source), provisioner.describe(request.cluster)])
    if (described[0].kafkaClusterId !== described[1].kafkaClusterId) return undefined
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  return new Problem(
    'conflict',
    `Route ${route.name}: ${source.name} and ${request.cluster.name} are the same Kafka cluster, so topic ${topic.name} would be carried into itself`,
  )
}

function clusterOf(name: string, state: ControlState): ClusterSpec {
  const cluster = state.Cluster.get(name)?.spec
  if (cluster === undefined) throw new Problem('conflict', `there is no cluster ${name}`)
  return cluster
}
