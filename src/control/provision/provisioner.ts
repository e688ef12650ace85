import { Problem } from '../../core/problems.ts'
import type { ClusterSpec, ProvisionedTopic, TopicSpec } from '../../core/resources.ts'
import {
  type BrokerDescription,
  type ClusterAdmin,
  type ClusterDescription,
  KafkaRefusedError,
  type TopicDescription,
} from '../../kafka/admin.ts'
import { assignTopic } from './assignment.ts'
import { asProblem, type ClusterAdmins } from './clusters.ts'
import { type ProvisionPlan, planTopic, wantedReplicas } from './plan.ts'

export interface ProvisionRequest {
  readonly cluster: ClusterSpec
  /** The Kafka topic's name, which for a sink may differ from the topic's. */
  readonly kafkaTopic: string
  readonly spec: TopicSpec
  /** What we made there before; a topic that is there and was not ours is adopted only when it fits. */
  readonly known: ProvisionedTopic | undefined
}

export interface Provisioned {
  readonly topic: ProvisionedTopic
  /** What a person should know: degraded, repaired, adopted. */
  readonly notes: readonly string[]
}

const describeDeadlineMs = 5000

/**
 * Makes Kafka topics be as their specs say, and resolves when every partition has a leader. Idempotent: what is as it should be is left
 * alone. For the length of one apply: it remembers what it asked the clusters.
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

  async provision(request: ProvisionRequest): Promise<Provisioned> {
    const { cluster, kafkaTopic } = request
    const { brokers } = await this.describe(cluster)
    const admin = this.#admins.of(cluster)
    return asProblem(cluster.name, async () => {
      const found = (await admin.describeTopics([kafkaTopic])).get(kafkaTopic)
      if (found !== undefined) return this.#fit(admin, request, found, brokers)
      try {
        return await this.#make(admin, request, brokers)
      } catch (error) {
        // Made between the look and the creation, or by our own creation whose answer was lost.
        const made = error instanceof KafkaRefusedError && error.kafkaError === 'TOPIC_ALREADY_EXISTS'
        if (!made) throw error
        const plan = planTopic(request.spec, brokers.length)
        return this.#fit(admin, request, await admin.awaitLeaders(kafkaTopic, plan.partitions), brokers)
      }
    })
  }

  async #make(
    admin: ClusterAdmin,
    { cluster, kafkaTopic, spec, known }: ProvisionRequest,
    brokers: readonly BrokerDescription[],
  ): Promise<Provisioned> {
    const plan = planTopic(spec, brokers.length)
    const assignment = assignTopic(kafkaTopic, brokers, { ...plan, firstPartition: 0 })
    const topicId = await admin.createTopic({
      name: kafkaTopic,
      ...plan,
      ...(assignment === undefined ? {} : { assignment }),
    })
    const notes = degradedNotes(cluster, spec, plan.replicas, brokers.length)
    if (known !== undefined) notes.unshift(`${kafkaTopic} was gone from ${cluster.name}: made anew, empty`)
    return { topic: result(cluster.name, topicId, plan), notes }
  }

  /** Brings a topic that is there in line, when it is ours; checks that it fits, when it is not. */
  async #fit(
    admin: ClusterAdmin,
    request: ProvisionRequest,
    found: TopicDescription,
    brokers: readonly BrokerDescription[],
  ): Promise<Provisioned> {
    const { cluster, kafkaTopic, spec, known } = request
    const replicas = Math.min(...found.partitions.map((partition) => partition.replicas.length))
    const plan = planTopic(spec, replicas)
    const isOurs = known?.topicId === found.topicId
    const drift = await configDrift(admin, kafkaTopic, plan)
    const extra = found.partitions.length - plan.partitions
    if (extra > 0 || (!isOurs && (extra !== 0 || drift.length > 0))) {
      const differences = [
        ...(extra === 0 ? [] : [`partitions ${found.partitions.length} instead of ${plan.partitions}`]),
        ...drift.map(({ name, from, to }) => `${name} ${from} instead of ${to}`),
      ]
      throw new Problem(
        'conflict',
        `cluster ${cluster.name} has a topic ${kafkaTopic} that does not fit: ${differences.join(', ')}. Change the document or that topic`,
      )
    }
    const notes = degradedNotes(cluster, spec, plan.replicas, brokers.length)
    if (!isOurs) notes.unshift(`${kafkaTopic} was on ${cluster.name} already and fits: taken over`)
    if (extra < 0) await this.#grow(admin, kafkaTopic, found.partitions.length, plan, brokers)
    if (drift.length > 0) {
      await admin.alterTopicConfigs(kafkaTopic, Object.fromEntries(drift.map(({ name, to }) => [name, to])))
      notes.push(...drift.map(({ name, from, to }) => `${cluster.name}: ${name} was ${from}, now ${to}`))
    }
    await admin.awaitLeaders(kafkaTopic, plan.partitions)
    return { topic: result(cluster.name, found.topicId, plan), notes }
  }

  async #grow(
    admin: ClusterAdmin,
    kafkaTopic: string,
    present: number,
    plan: ProvisionPlan,
    brokers: readonly BrokerDescription[],
  ): Promise<void> {
    const fits = plan.replicas <= brokers.length
    const added = plan.partitions - present
    const { replicas } = plan
    const assignment = fits
      ? assignTopic(kafkaTopic, brokers, { replicas, firstPartition: present, partitions: added })
      : undefined
    await admin.growPartitions(kafkaTopic, plan.partitions, assignment)
  }
}

interface Drift {
  readonly name: string
  readonly from: string
  readonly to: string
}

async function configDrift(
  admin: ClusterAdmin,
  topic: string,
  plan: ProvisionPlan,
): Promise<readonly Drift[]> {
  const present = await admin.topicConfigs(topic, Object.keys(plan.configs))
  return Object.entries(plan.configs).flatMap(([name, to]) => {
    const config = present.get(name)
    // A value that only happens to be the broker's default could change behind our back.
    if (config?.value === to && config.ownToTopic) return []
    return [{ name, from: config?.value === to ? `${to} by default` : String(config?.value), to }]
  })
}

function degradedNotes(cluster: ClusterSpec, spec: TopicSpec, replicas: number, brokers: number): string[] {
  const wanted = wantedReplicas(spec.delivery)
  if (replicas >= wanted) return []
  const count = brokers === 1 ? '1 broker' : `${brokers} brokers`
  return [`replicas ${replicas} instead of ${wanted}: ${cluster.name} has ${count}`]
}

function result(cluster: string, topicId: string, plan: ProvisionPlan): ProvisionedTopic {
  const { partitions, replicas, minInSync, degraded } = plan
  return {
    cluster,
    topicId,
    partitions,
    replicas,
    minInSync,
    ...(degraded === undefined ? {} : { degraded }),
  }
}
