import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ConnectionOptions,
  createPartitionsV3,
  createTopicsV7,
  deleteTopicsV6,
  describeClusterV1,
  describeConfigsV4,
  incrementalAlterConfigsV1,
  metadataV12,
  protocolErrorsCodesById,
} from '@platformatic/kafka'
import { AdminCaller, type Question } from './admin-caller.ts'

export interface BrokerDescription {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack?: string
}

export interface ClusterDescription {
  /** Kafka's own id, which two names of ours for one cluster have in common. */
  readonly kafkaClusterId: string
  /** Registered and not fenced, by id. */
  readonly brokers: readonly BrokerDescription[]
}

export interface PartitionDescription {
  /** −1 while there is none. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
}

export interface TopicDescription {
  readonly name: string
  /** KIP-516; changes when the topic is made anew. */
  readonly topicId: string
  /** By partition number. */
  readonly partitions: readonly PartitionDescription[]
}

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  readonly configs: Readonly<Record<string, string>>
  /** Broker ids per partition, preferred leader first; left out = Kafka assigns. */
  readonly assignment?: readonly (readonly number[])[]
}

export interface TopicConfig {
  readonly value: string | null
  /** False when the value is a broker's or Kafka's default, so that it may change without anybody touching the topic. */
  readonly ownToTopic: boolean
}

export interface ClusterAdminOptions {
  readonly bootstrap: readonly string[]
  readonly clientId?: string
  /** For a call with all its attempts; default 10 s. Waiting for leaders has 30 s more. */
  readonly deadlineMs?: number
  readonly attemptTimeoutMs?: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

/** The cluster answered, and refused. `kafkaError` is Kafka's own name of the error, e.g. `TOPIC_ALREADY_EXISTS`. */
export class KafkaRefusedError extends Error {
  override readonly name = 'KafkaRefusedError'
  readonly kafkaError: string

  constructor(what: string, code: number, detail: string | null | undefined) {
    const kafkaError = protocolErrorsCodesById[code] ?? `error ${code}`
    super(`${what}: ${kafkaError}${detail ? `: ${detail}` : ''}`)
    this.kafkaError = kafkaError
  }
}

const leadersDeadlineMs = 30_000
const topicResource = 2 as const
const setOperation = 0 as const
const deleteOperation = 1 as const
const topicConfigSource = 1
const brokerEndpoints = 1 as const

/**
 * Administers one Kafka cluster. Every call has a deadline and tries the next broker; rejects with `ClusterUnavailableError` when none
 * answers, in which case a change may have been made, and with `KafkaRefusedError` when the cluster says no. Changes of configs are
 * incremental always (KIP-339): the older AlterConfigs would wipe what others have set. `close` ends its connection.
 */
export class ClusterAdmin {
  readonly #caller: AdminCaller
  readonly #deadlineMs: number

  constructor({ bootstrap, clientId = 'forebay-admin', deadlineMs = 10_000, ...rest }: ClusterAdminOptions) {
    this.#caller = new AdminCaller({ bootstrap, clientId, attemptTimeoutMs: 4000, ...rest })
    this.#deadlineMs = deadlineMs
  }

  close(): Promise<void> {
    return this.#caller.close()
  }

  async describeCluster(deadlineMs = this.#deadlineMs): Promise<ClusterDescription> {
    const answer = await this.#caller.call(
      (connection) => describeClusterV1.api.async(connection, false, brokerEndpoints),
      deadlineMs,
    )
    refuse('describe the cluster', answer.errorCode, answer.errorMessage)
    const brokers = answer.brokers
      .map(({ brokerId, host, port, rack }) => ({
        id: brokerId,
        host,
        port,
        ...(rack == null ? {} : { rack }),
      }))
      .sort((a, b) => a.id - b.id)
    this.#caller.learn(brokers)
    return { kafkaClusterId: answer.clusterId, brokers }
  }

  /** By name; a topic that is not there is left out. */
  async describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    const found = new Map<string, TopicDescription>()
    if (names.length === 0) return found
    const answer = await this.#call((connection) =>
      metadataV12.api.async(connection, [...names], false, false),
    )
    for (const { name, topicId, errorCode, partitions } of answer.topics) {
      if (name == null || errorCode === unknownTopic) continue
      refuse(`describe topic ${name}`, errorCode === leaderNotAvailable ? 0 : errorCode, undefined)
      const sorted = [...partitions].sort((a, b) => a.partitionIndex - b.partitionIndex)
      found.set(name, {
        name,
        topicId,
        partitions: sorted.map(({ leaderId, replicaNodes, isrNodes }) => ({
          leader: leaderId,
          replicas: replicaNodes,
          inSync: isrNodes,
        })),
      })
    }
    return found
  }

  /** The effective configs of a topic, or only those with `names`. */
  async topicConfigs(topic: string, names?: readonly string[]): Promise<ReadonlyMap<string, TopicConfig>> {
    const resource = {
      resourceType: topicResource,
      resourceName: topic,
      configurationKeys: names ? [...names] : null,
    }
    const { results } = await this.#call((connection) =>
      describeConfigsV4.api.async(connection, [resource], false, false),
    )
    const [result] = results
    refuse(`read the configs of topic ${topic}`, result?.errorCode ?? -1, result?.errorMessage)
    return new Map(
      (result?.configs ?? []).map(({ name, value, configSource }) => [
        name,
        { value: value ?? null, ownToTopic: configSource === topicConfigSource },
      ]),
    )
  }

  /** Makes the topic, waits until every partition has a leader, and gives its topic id. Refused `TOPIC_ALREADY_EXISTS` when it is there. */
  async createTopic(topic: NewTopic): Promise<string> {
    const { name, partitions, replicas, assignment } = topic
    const request = {
      name,
      // Kafka wants −1 for both beside an explicit assignment.
      numPartitions: assignment ? -1 : partitions,
      replicationFactor: assignment ? -1 : replicas,
      assignments: (assignment ?? []).map((brokerIds, partitionIndex) => ({
        partitionIndex,
        brokerIds: [...brokerIds],
      })),
      configs: Object.entries(topic.configs).map(([key, value]) => ({ name: key, value })),
    }
    const answer = await this.#call((connection) =>
      createTopicsV7.api.async(connection, [request], 3000, false),
    )
    const [created] = answer.topics
    refuse(`create topic ${name}`, created?.errorCode ?? -1, created?.errorMessage)
    const described = await this.awaitLeaders(name, partitions)
    return described.topicId
  }

  /** Polls until the topic has `partitions` partitions and each has a leader: Kafka's answer to a creation comes before that. */
  async awaitLeaders(
    name: string,
    partitions: number,
    deadlineMs = leadersDeadlineMs,
  ): Promise<TopicDescription> {
    const endMs = performance.now() + deadlineMs
    for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 500)) {
      const topic = (await this.describeTopics([name])).get(name)
      const led = topic?.partitions.filter(({ leader }) => leader >= 0).length ?? 0
      if (topic !== undefined && led >= partitions) return topic
      if (performance.now() > endMs) {
        throw new KafkaRefusedError(
          `topic ${name}: ${led} of ${partitions} partitions have a leader after ${deadlineMs} ms`,
          leaderNotAvailable,
          undefined,
        )
      }
      await sleep(pauseMs)
    }
  }

  /** Sets these configs and leaves all others; `null` takes a config back to its default. */
  async alterTopicConfigs(topic: string, changes: Readonly<Record<string, string | null>>): Promise<void> {
    const configs = Object.entries(changes).map(([name, value]) =>
      value === null
        ? { name, configOperation: deleteOperation }
        : { name, configOperation: setOperation, value },
    )
    if (configs.length === 0) return
    const resource = { resourceType: topicResource, resourceName: topic, configs } as const
    const { responses } = await this.#call((connection) =>
      incrementalAlterConfigsV1.api.async(connection, [resource], false),
    )
    refuse(`change the configs of topic ${topic}`, responses[0]?.errorCode ?? -1, responses[0]?.errorMessage)
  }

  /** `count` = partitions afterwards; `assignment` = broker ids of each new one. Waits for their leaders. */
  async growPartitions(
    topic: string,
    count: number,
    assignment?: readonly (readonly number[])[],
  ): Promise<TopicDescription> {
    const assignments = assignment?.map((brokerIds) => ({ brokerIds: [...brokerIds] })) ?? null
    const { results } = await this.#call((connection) =>
      createPartitionsV3.api.async(connection, [{ name: topic, count, assignments }], 3000, false),
    )
    refuse(
      `grow topic ${topic} to ${count} partitions`,
      results[0]?.errorCode ?? -1,
      results[0]?.errorMessage,
    )
    return this.awaitLeaders(topic, count)
  }

  /** By id, so that a topic made anew under the same name is safe (semantics "Failover and failback"). False when it was gone already. */
  async deleteTopicById(topicId: string): Promise<boolean> {
    const { responses } = await this.#call((connection) =>
      deleteTopicsV6.api.async(connection, [{ name: null, topicId }], 3000),
    )
    const code = responses[0]?.errorCode ?? -1
    if (code === unknownTopicId || code === unknownTopic) return false
    refuse(`delete the topic with id ${topicId}`, code, responses[0]?.errorMessage)
    return true
  }

  #call<Answer>(question: Question<Answer>): Promise<Answer> {
    return this.#caller.call(question, this.#deadlineMs)
  }
}

const unknownTopic = 3
const leaderNotAvailable = 5
const unknownTopicId = 100

function refuse(what: string, code: number, detail: string | null | undefined): void {
  if (code !== 0) throw new KafkaRefusedError(what, code, detail)
}
