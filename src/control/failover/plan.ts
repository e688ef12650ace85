import type { ProvisionedTopic, TopicSpec } from '../../core/resources.ts'
import { planTopic, wantedReplicas } from '../provision/plan.ts'
import type { StoredPlacement } from '../store/control-store.ts'

/** Netflix's bounds of one fronting cluster, beyond which Kafka's controller becomes slow. */
export const maxStandbyBrokers = 200
export const maxStandbyPartitions = 10_000
/** A hundred topics of four partitions have their leaders after half a second (rules "Kafka facts"). */
export const defaultTopicsPerBatch = 100

/** A topic as the store has it. */
export interface PlacedTopic {
  readonly spec: TopicSpec
  readonly placement: StoredPlacement
  /** Where its Kafka topics are, by cluster. */
  readonly provisioned: readonly ProvisionedTopic[]
}

/** What the standby says of itself; a cold one says nothing before it was woken. */
export interface StandbyFacts {
  readonly brokers: number
  /** Of all topics that are there now. */
  readonly partitions: number
}

export interface PlanRequest {
  readonly cluster: string
  readonly standby: string
  readonly topics: readonly PlacedTopic[]
  /** Only these topics; absent = every one that is on the cluster. */
  readonly only?: ReadonlySet<string>
  /** Records a second by topic, as the end offsets moved; a topic that is not there is idle. */
  readonly rates: ReadonlyMap<string, number>
  readonly facts: StandbyFacts | undefined
  /** The cluster is well, and nothing may be lost, doubled or put out of order. */
  readonly planned: boolean
  readonly topicsPerBatch?: number
}

/** One topic on its way from its home to the standby, or back. Everything that a step needs later, so that a resumed operation asks nobody. */
export interface TopicMove {
  readonly topic: string
  readonly partitions: number
  /** As Kafka shall make it. The same number of partitions on both clusters: keys keep their partition. */
  readonly spec: TopicSpec
  /** Before the move. */
  readonly holders: readonly string[]
  readonly degraded?: string
  /** As the placement said before the move. */
  readonly movedByHand?: boolean
  /** Kafka's topic ids at the time of the plan, by which alone topics are ever deleted. */
  readonly homeTopicId?: string
  readonly standbyTopicId?: string
}

export interface MovePlan {
  readonly kind: 'failover' | 'failback'
  /** The home of the topics. */
  readonly cluster: string
  readonly standby: string
  readonly planned: boolean
  /** Others of the cluster's topics were not asked for and stay: it is no move of the cluster, and no hold-down begins with it. */
  readonly partial?: boolean
  /** In the order in which they move, busiest first. */
  readonly batches: readonly (readonly TopicMove[])[]
  /** Topics that stay where they are, and why. */
  readonly left: readonly { readonly topic: string; readonly why: string }[]
  /** What a person should know, e.g. degraded topics. */
  readonly notes: readonly string[]
  /** Why it cannot be begun at all; empty = it can. */
  readonly problems: readonly string[]
}

/** From a cluster to its standby. Pure. */
export function planFailover(request: PlanRequest): MovePlan {
  const { cluster, standby, facts, planned } = request
  const all = request.topics.filter(({ placement }) => placement.cluster === cluster)
  const here = all
    .filter(({ spec }) => request.only?.has(spec.name) ?? true)
    .sort(busiestFirst(request.rates))
  const moving: TopicMove[] = []
  const left: { topic: string; why: string }[] = []
  let partitions = facts?.partitions ?? 0
  for (const topic of here) {
    const { name } = topic.spec
    const known = topic.provisioned.find((made) => made.cluster === standby)
    // Its records there are not drained yet: the same topic takes new ones, so it costs no partitions.
    const added = known === undefined ? topic.spec.partitions : 0
    if (partitions + added > maxStandbyPartitions) {
      left.push({
        topic: name,
        why: `${standby} would have more than ${maxStandbyPartitions} partitions`,
      })
      continue
    }
    partitions += added
    moving.push(moveOf(topic, cluster, standby))
  }
  return {
    kind: 'failover',
    cluster,
    standby,
    planned,
    ...(here.length < all.length ? { partial: true } : {}),
    batches: inBatches(moving, request.topicsPerBatch),
    left,
    notes: degradedNotes(moving, standby, facts),
    problems: problemsOf(moving, left, cluster, standby, facts),
  }
}

/** Of the topics of a cluster that are on its standby, back. Pure. */
export function planFailback(request: Omit<PlanRequest, 'facts' | 'planned'>): MovePlan {
  const { cluster, standby, rates } = request
  const moving: TopicMove[] = []
  const left: { topic: string; why: string }[] = []
  const away = request.topics.filter(
    ({ spec, placement }) =>
      spec.cluster === cluster && placement.cluster === standby && (request.only?.has(spec.name) ?? true),
  )
  for (const topic of away.sort(busiestFirst(rates))) {
    const move = moveOf(topic, cluster, standby)
    if (move.standbyTopicId !== undefined) moving.push(move)
    else left.push({ topic: move.topic, why: `the id of its topic on ${standby} is not known` })
  }
  const problems = moving.length > 0 ? [] : [`no topic of ${cluster} is on ${standby}`]
  return {
    kind: 'failback',
    cluster,
    standby,
    planned: true,
    batches: inBatches(moving, request.topicsPerBatch),
    left,
    notes: [],
    problems,
  }
}

/** Durable before fast where they are equally busy: somebody waits for its answer. */
function busiestFirst(rates: ReadonlyMap<string, number>): (a: PlacedTopic, b: PlacedTopic) => number {
  return ({ spec: a }, { spec: b }) =>
    (rates.get(b.name) ?? 0) - (rates.get(a.name) ?? 0) ||
    Number(b.delivery === 'durable') - Number(a.delivery === 'durable') ||
    (a.name < b.name ? -1 : 1)
}

function moveOf({ spec, placement, provisioned }: PlacedTopic, home: string, standby: string): TopicMove {
  const idOn = (cluster: string) => provisioned.find((made) => made.cluster === cluster)?.topicId
  const homeTopicId = idOn(home)
  const standbyTopicId = idOn(standby)
  return {
    topic: spec.name,
    partitions: spec.partitions,
    spec,
    holders: placement.holders,
    ...(placement.degraded === undefined ? {} : { degraded: placement.degraded }),
    ...(placement.movedByHand === true ? { movedByHand: true } : {}),
    ...(homeTopicId === undefined ? {} : { homeTopicId }),
    ...(standbyTopicId === undefined ? {} : { standbyTopicId }),
  }
}

function inBatches(
  moves: readonly TopicMove[],
  topicsPerBatch = defaultTopicsPerBatch,
): readonly (readonly TopicMove[])[] {
  const batches: (readonly TopicMove[])[] = []
  for (let first = 0; first < moves.length; first += topicsPerBatch)
    batches.push(moves.slice(first, first + topicsPerBatch))
  return batches
}

function degradedNotes(
  moves: readonly TopicMove[],
  standby: string,
  facts: StandbyFacts | undefined,
): readonly string[] {
  if (facts === undefined) return [`${standby} does not answer yet: it is woken first`]
  if (facts.brokers === 0) return []
  const degraded = moves.filter(({ spec }) => wantedReplicas(spec.delivery) > facts.brokers)
  if (degraded.length === 0) return []
  const [first] = degraded
  const replicas = first === undefined ? 0 : planTopic(first.spec, facts.brokers).replicas
  return [
    `replicas ${replicas} there for ${degraded.length === 1 ? '1 topic' : `${degraded.length} topics`}: ${standby} has ${facts.brokers === 1 ? '1 broker' : `${facts.brokers} brokers`}`,
  ]
}

function problemsOf(
  moving: readonly TopicMove[],
  left: readonly unknown[],
  cluster: string,
  standby: string,
  facts: StandbyFacts | undefined,
): readonly string[] {
  const problems: string[] = []
  if (moving.length === 0)
    problems.push(left.length > 0 ? `${standby} has room for no topic` : `no topic is on ${cluster}`)
  if (facts !== undefined && facts.brokers > maxStandbyBrokers)
    problems.push(`${standby} has ${facts.brokers} brokers, more than ${maxStandbyBrokers}`)
  return problems
}
