import { Problem } from '../../core/problems.ts'
import type { ClusterSpec, ProvisionedTopic, TopicSpec } from '../../core/resources.ts'
import type { ClusterDescription } from '../../kafka/admin.ts'
import { asProblem, type ClusterAdmins } from './clusters.ts'
import { newTopic } from './new-topic.ts'
import { planTopic, wantedReplicas } from './plan.ts'
import { type FittedTopic, type FittedTopics, fitTopics } from './topic-batch.ts'

export interface ProvisionRequest {
  readonly cluster: ClusterSpec
  /** The Kafka topic's name, which for a sink may differ from the topic's. */
  readonly kafkaTopic: string
  readonly spec: TopicSpec
  /** What we made there before; a topic that is there and was not ours is adopted only when it fits. */
  readonly known: ProvisionedTopic | undefined
  /** It may be sealed, on its way out: then it stays so. */
  readonly keepSeal?: boolean
}

export interface Provisioned {
  readonly topic: ProvisionedTopic
  /** What a person should know: degraded, repaired, adopted. */
  readonly notes: readonly string[]
}

const describeDeadlineMs = 5000
const leadersDeadlineMs = 30_000

/**
 * Makes Kafka topics be as their specs say, and resolves when every partition has a leader. Idempotent: what is as it should be is left
 * alone. For the length of one apply: it remembers what it asked the clusters, so that one which is away is waited for once.
 */
export class Provisioner {
  readonly #admins: ClusterAdmins
  readonly #described = new Map<string, Promise<ClusterDescription>>()

  constructor(admins: ClusterAdmins) {
    this.#admins = admins
  }

  describe(cluster: ClusterSpec): Promise<ClusterDescription> {
    const known = this.#described.get(cluster.name)
    if (known !== undefined) return known
    const asked = this.#admins.describe(cluster, describeDeadlineMs)
    this.#described.set(cluster.name, asked)
    return asked
  }

  /** What `provision` would say about the number of brokers; changes nothing. */
  async preview({ cluster, spec }: ProvisionRequest): Promise<readonly string[]> {
    const { brokers } = await this.describe(cluster)
    return degradedNotes(cluster, spec, planTopic(spec, brokers.length).replicas, brokers.length)
  }

  /**
   * All at once, cluster by cluster side by side: what each request came to, in their order; an error (a Problem) is of that request
   * alone. Two requests must not be for the same Kafka topic.
   */
  async provision(requests: readonly ProvisionRequest[]): Promise<readonly (Provisioned | Error)[]> {
    const byCluster = Map.groupBy(requests, ({ cluster }) => cluster.name)
    const results = new Map<ProvisionRequest, Provisioned | Error>()
    const work = [...byCluster.values()].map(async (some) => {
      for (const [request, result] of await this.#provisionOn(some)) results.set(request, result)
    })
    await Promise.all(work)
    return requests.map((request) => results.get(request) ?? new Error(`${request.kafkaTopic} was left out`))
  }

  async #provisionOn(
    requests: readonly ProvisionRequest[],
  ): Promise<ReadonlyMap<ProvisionRequest, Provisioned | Error>> {
    const [first] = requests
    if (first === undefined) return new Map()
    const { cluster } = first
    try {
      const { brokers } = await this.describe(cluster)
      const admin = this.#admins.of(cluster)
      const fitted = await asProblem(cluster.name, async () => {
        const wanted = requests.map(({ kafkaTopic, spec, known, keepSeal = false }) => ({
          ...newTopic(cluster.name, kafkaTopic, spec, brokers),
          spec,
          known: known === undefined ? [] : [known.topicId],
          keepSeal,
        }))
        const all = await fitTopics(wanted, { cluster: cluster.name, admin, brokers, adopt: 'fitting' })
        return this.#withLeaders(cluster, all)
      })
      return new Map(
        requests.map((request) => [request, judge(request, fitted.get(request.kafkaTopic), brokers.length)]),
      )
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return new Map(requests.map((request) => [request, error]))
    }
  }

  async #withLeaders(cluster: ClusterSpec, all: FittedTopics): Promise<FittedTopics> {
    const wanted = new Map<string, number>()
    for (const [name, result] of all)
      if (!(result instanceof Error)) wanted.set(name, result.topic.partitions)
    const { waiting } = await this.#admins.of(cluster).awaitLeaders(wanted, leadersDeadlineMs)
    const leaderless = [...waiting].map(([name, led]): [string, Error] => [
      name,
      new Problem(
        'conflict',
        `cluster ${cluster.name}: topic ${name}: ${led} of ${wanted.get(name)} partitions have a leader after ${leadersDeadlineMs} ms. Look at its brokers, and apply again`,
      ),
    ])
    return new Map([...all, ...leaderless])
  }
}

function judge(
  { cluster, kafkaTopic, spec, known }: ProvisionRequest,
  fitted: FittedTopic | Error | undefined,
  brokers: number,
): Provisioned | Error {
  if (fitted === undefined) return new Error(`${kafkaTopic} was left out`)
  if (fitted instanceof Error) return fitted
  const { topic, isNew, notes } = fitted
  const gone =
    isNew && known !== undefined ? [`${kafkaTopic} was gone from ${cluster.name}: made anew, empty`] : []
  return { topic, notes: [...gone, ...degradedNotes(cluster, spec, topic.replicas, brokers), ...notes] }
}

function degradedNotes(cluster: ClusterSpec, spec: TopicSpec, replicas: number, brokers: number): string[] {
  const wanted = wantedReplicas(spec.delivery)
  if (replicas >= wanted) return []
  const count = brokers === 1 ? '1 broker' : `${brokers} brokers`
  return [`replicas ${replicas} instead of ${wanted}: ${cluster.name} has ${count}`]
}
