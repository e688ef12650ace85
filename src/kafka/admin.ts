import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, describeClusterV1 } from '@platformatic/kafka'
import { AdminCaller, type Question } from './admin-caller.ts'
import {
  alterTopicConfigs,
  brokerConfigs,
  type ConfigChanges,
  type TopicConfig,
  topicConfigs,
} from './admin-configs.ts'
import { KafkaRefusedError, refuse } from './admin-errors.ts'
import { type CommittedQuestion, committedOffsets } from './admin-groups.ts'
import { type LogEdge, logOffsets } from './admin-offsets.ts'
import { type PartitionState, probeTopics } from './admin-probe.ts'
import {
  createTopics,
  deleteTopics,
  describeTopics,
  type Growth,
  growTopics,
  type NewTopic,
  type TopicDescription,
} from './admin-topics.ts'
import type { BrokerCallOptions } from './broker-call.ts'

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

export interface ClusterAdminOptions {
  readonly bootstrap: readonly string[]
  readonly clientId?: string
  /** For a call with all its attempts; default 10 s. */
  readonly deadlineMs?: number
  readonly attemptTimeoutMs?: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

export interface Leaders {
  /** Topics whose partitions all have a leader. */
  readonly led: ReadonlyMap<string, TopicDescription>
  /** Of the others: how many partitions have one. A topic that is not there has none. */
  readonly waiting: ReadonlyMap<string, number>
}

const brokerEndpoints = 1 as const
const shortestPauseMs = 20
const longestPauseMs = 200
const freshLeaderMs = 5000
const freshLeaderErrors = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'UNKNOWN_LEADER_EPOCH',
])

/**
 * Administers one Kafka cluster, many topics in one request. Every call has a deadline and tries the next broker; rejects with
 * `ClusterUnavailableError` when none answers, in which case a change may have been made, and with `KafkaRefusedError` when the cluster
 * says no to the whole. `close` ends its connection.
 */
export class ClusterAdmin {
  readonly #caller: AdminCaller
  readonly #deadlineMs: number
  readonly #brokerCalls: BrokerCallOptions

  constructor({ bootstrap, clientId = 'forebay-admin', deadlineMs = 10_000, ...rest }: ClusterAdminOptions) {
    const { attemptTimeoutMs = 4000, security } = rest
    const shared = { clientId, ...(security === undefined ? {} : { security }) }
    this.#caller = new AdminCaller({ ...shared, bootstrap, attemptTimeoutMs })
    this.#brokerCalls = { ...shared, timeoutMs: attemptTimeoutMs }
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

  /** By name; a topic that is not there is left out. Without names: all of them. */
  describeTopics(names?: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    return describeTopics(this.#ask, names)
  }

  /** Asks again and again for all that have not, until every topic has `wanted` partitions with leaders, or the deadline, or `signal`. */
  async awaitLeaders(
    wanted: ReadonlyMap<string, number>,
    deadlineMs: number,
    signal?: AbortSignal,
  ): Promise<Leaders> {
    const endMs = performance.now() + deadlineMs
    const led = new Map<string, TopicDescription>()
    let waiting = new Map([...wanted.keys()].map((name) => [name, 0]))
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const described = await this.describeTopics([...waiting.keys()])
      const still = new Map<string, number>()
      for (const name of waiting.keys()) {
        const topic = described.get(name)
        const leaders = topic?.partitions.filter(({ leader }) => leader >= 0).length ?? 0
        if (topic !== undefined && leaders >= (wanted.get(name) ?? 0)) led.set(name, topic)
        else still.set(name, leaders)
      }
      waiting = still
      if (waiting.size === 0 || performance.now() > endMs) return { led, waiting }
      await sleep(pauseMs, undefined, signal === undefined ? {} : { signal })
    }
  }

  topicConfigs(
    topics: readonly string[],
    keys?: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, TopicConfig> | KafkaRefusedError>> {
    return topicConfigs(this.#ask, topics, keys)
  }

  /** Gives those that were refused. */
  alterTopicConfigs(
    changes: ReadonlyMap<string, ConfigChanges>,
    validateOnly = false,
  ): Promise<ReadonlyMap<string, KafkaRefusedError>> {
    return alterTopicConfigs(this.#ask, changes, validateOnly)
  }

  /** By name: the new topic's id, or why it was refused, e.g. `TOPIC_ALREADY_EXISTS`. Does not wait for leaders. */
  createTopics(
    topics: readonly NewTopic[],
    validateOnly = false,
  ): Promise<ReadonlyMap<string, string | KafkaRefusedError>> {
    return createTopics(this.#ask, topics, validateOnly)
  }

  /** Gives those that were refused. Does not wait for leaders. */
  growTopics(
    growths: readonly Growth[],
    validateOnly = false,
  ): Promise<ReadonlyMap<string, KafkaRefusedError>> {
    return growTopics(this.#ask, growths, validateOnly)
  }

  /** By id; gives those that were there. The brokers still show them for a moment. */
  deleteTopics(topicIds: readonly string[]): Promise<ReadonlySet<string>> {
    return deleteTopics(this.#ask, topicIds)
  }

  /** By topic, then by partition. A leader that has not heard yet that it is one is asked again for a while. */
  async logOffsets(
    topics: readonly TopicDescription[],
    edge: LogEdge,
  ): Promise<ReadonlyMap<string, readonly number[]>> {
    if (topics.length === 0) return new Map()
    const brokers = await this.#brokers()
    const endMs = performance.now() + freshLeaderMs
    for (;;) {
      try {
        return await logOffsets(topics, brokers, edge, this.#brokerCalls)
      } catch (error) {
        const isFresh = error instanceof KafkaRefusedError && freshLeaderErrors.has(error.kafkaError)
        if (!isFresh || performance.now() > endMs) throw error
        await sleep(longestPauseMs)
      }
    }
  }

  committedOffsets(questions: readonly CommittedQuestion[]): Promise<ReadonlyMap<string, readonly number[]>> {
    return committedOffsets(this.#ask, questions, this.#brokerCalls)
  }

  /** Whether the leaders take records; writes none. */
  async probeTopics(
    topics: readonly TopicDescription[],
  ): Promise<ReadonlyMap<string, readonly PartitionState[]>> {
    if (topics.length === 0) return new Map()
    return probeTopics(topics, await this.#brokers(), this.#brokerCalls)
  }

  /** Asks that broker itself. */
  brokerConfigs(broker: BrokerDescription, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return brokerConfigs(broker, keys, this.#brokerCalls)
  }

  async #brokers(): Promise<ReadonlyMap<number, BrokerDescription>> {
    const { brokers } = await this.describeCluster()
    return new Map(brokers.map((broker) => [broker.id, broker]))
  }

  readonly #ask = <Answer>(question: Question<Answer>): Promise<Answer> =>
    this.#caller.call(question, this.#deadlineMs)
}
