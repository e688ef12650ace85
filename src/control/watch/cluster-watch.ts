import {
  type MetadataAnswer,
  requests,
  type TopicErrors,
  type TopicMetadata,
} from 'kafkajs/src/protocol/requests/index.js'
import type { Clock } from '../../core/clock.ts'
import { parseAddress } from '../../kafka/cluster-metadata.ts'
import { describeQuorum } from '../../kafka/quorum.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { WatchedBroker, WatchWindow } from '../failover/evidence.ts'
import { BrokerLink } from './broker-link.ts'
import { BrokerRoster } from './broker-roster.ts'
import { BrokerWatch, secondLimitMs } from './broker-watch.ts'
import { type CanaryPartition, canaryPartitions, creationProblem, missingCanaries } from './canary-topic.ts'
import { CommittedSurvey } from './committed-survey.ts'
import { OffsetSurvey } from './offset-survey.ts'
import { countPartitions, type PartitionCounts } from './partition-counts.ts'
import { QuorumWatch } from './quorum-watch.ts'

/** What a cluster is to be watched for. */
export interface WatchedTopics {
  /** Whose partitions are counted; those that are not on the cluster are left out. */
  readonly topics: ReadonlySet<string>
  /** The topic that each routing group reads (`forebay.<route>`). */
  readonly groups: ReadonlyMap<string, string>
}

export interface ClusterWatchOptions extends WatchedTopics {
  readonly name: string
  /** `host:port`; throws a TypeError on anything else. */
  readonly bootstrap: readonly string[]
  /** Unique to the process, so that two that watch one cluster do not mix their canaries. */
  readonly watch: string
  readonly clock: Clock
  readonly logger: Logger
}

const quorumDeadlineMs = 2000
const creationTimeoutMs = 3000
const creationIntervalMs = 5000

/**
 * The control plane's own evidence about one cluster. It does one second's work each time that `window` is called, and does nothing in
 * between: a loop that stands still finds no invented seconds. No call waits for a broker, and no broker for another. `close` ends
 * everything at once, whatever hangs.
 */
export class ClusterWatch {
  readonly #options: ClusterWatchOptions
  readonly #roster: BrokerRoster
  readonly #brokers = new Map<number, BrokerWatch>()
  readonly #quorum: QuorumWatch
  readonly #ends: OffsetSurvey
  readonly #committed: CommittedSurvey
  readonly #pending = new Set<Promise<void>>()
  readonly #stopped = new AbortController()
  #watched: WatchedTopics
  #canaries: ReadonlyMap<number, CanaryPartition> = new Map()
  /** Brokers whose canary partition had a leader once: from then on its failures count. */
  readonly #canaryReady = new Set<number>()
  #partitions: PartitionCounts | undefined
  #surveyDue = false
  #surveying = false
  #creating = false
  #createdAtMs = Number.NEGATIVE_INFINITY
  #wasWell = false

  constructor(options: ClusterWatchOptions) {
    this.#options = options
    this.#watched = options
    this.#roster = new BrokerRoster(options.bootstrap.map(parseAddress))
    const onTrouble = this.#onTrouble
    const link = (broker: number) => this.#brokers.get(broker)?.survey
    this.#ends = new OffsetSurvey({ clock: options.clock, link, onTrouble })
    this.#committed = new CommittedSurvey({ clock: options.clock, link, onTrouble })
    this.#quorum = new QuorumWatch({
      ask: (address) => describeQuorum(address, quorumDeadlineMs, this.#stopped.signal),
      onTrouble,
    })
    this.#begin()
  }

  /** Other topics from now on. */
  follow(watched: WatchedTopics): void {
    this.#watched = watched
  }

  /** Records a second by topic, for the order of a move: from the last time that the cluster was well and something flowed. */
  get rates(): ReadonlyMap<string, number> {
    return this.#ends.rates
  }

  /** Ends a second and begins the next, so it is called once a second. `undefined` until the first answers or failures are there. */
  window(): WatchWindow | undefined {
    if (this.#stopped.signal.aborted) return undefined
    const brokers = [...this.#brokers.values()]
      .map((broker) => broker.take())
      .filter((one) => one !== undefined)
    const partitions = this.#partitions
    const quorum = this.#quorum.take()
    this.#wasWell = brokers.length > 0 && brokers.every(isWell)
    this.#begin()
    if (brokers.length === 0) return undefined
    return {
      brokers,
      quorum,
      ...(partitions === undefined
        ? {}
        : {
            partitions: { ...partitions, endMoved: this.#ends.moved, committedMoved: this.#committed.moved },
          }),
    }
  }

  async close(): Promise<void> {
    this.#stopped.abort()
    for (const broker of this.#brokers.values()) broker.close()
    await Promise.all(this.#pending)
  }

  #begin(): void {
    const nowMs = this.#options.clock.monotonicMs()
    this.#partitions = undefined
    this.#surveyDue = true
    const before = [...this.#brokers.values()].filter(({ answer }) => answer !== undefined)
    const answering = before.filter(({ answer }) => answer === 'answered')
    if (answering.length === 0) this.#roster.nobodyAnswered(nowMs)
    const addresses = answering.map(({ address }) => `${address.host}:${address.port}`)
    if (before.length > 0) this.#run(this.#quorum.tick(addresses, nowMs))
    const known = [...this.#brokers.values()]
    this.#meet()
    for (const broker of known) if (this.#brokers.get(broker.id) === broker) this.#ask(broker)
    for (const [id, { partition }] of this.#canaries) {
      const broker = this.#brokers.get(id)
      if (broker !== undefined && this.#canaryReady.has(id)) this.#run(broker.canaryRound(partition))
    }
  }

  /** Brings the watched brokers in line with the roster; new ones are asked at once, so that the next window has them. */
  #meet(): void {
    const entries = new Map(this.#roster.entries().map((entry) => [entry.id, entry.address]))
    for (const [id, broker] of this.#brokers) {
      if (entries.get(id) === broker.address) continue
      this.#brokers.delete(id)
      broker.close()
    }
    const { watch, clock } = this.#options
    for (const [id, address] of entries) {
      if (this.#brokers.has(id)) continue
      const broker = new BrokerWatch({ id, address, watch, clock, onTrouble: this.#onTrouble })
      this.#brokers.set(id, broker)
      this.#ask(broker)
    }
  }

  #ask(broker: BrokerWatch): void {
    this.#run(
      broker.ask().then((answer) => {
        if (answer !== undefined && this.#brokers.get(broker.id) === broker) this.#heard(broker, answer)
      }),
    )
  }

  #heard(broker: BrokerWatch, answer: MetadataAnswer): void {
    if (this.#stopped.signal.aborted) return
    const { brokers, topicMetadata } = answer
    const nowMs = this.#options.clock.monotonicMs()
    if (broker.namesOthers(answer)) this.#quorum.acted(nowMs)
    this.#roster.heard(broker.id, brokers, this.#quorum.hasQuorum, nowMs)
    this.#meet()
    const [topic] = topicMetadata
    if (topic?.topicErrorCode === 0) this.#canaries = canaryPartitions(topic)
    for (const [id, { led }] of this.#canaries) if (led) this.#canaryReady.add(id)
    this.#makeCanaries(
      broker,
      topic,
      brokers.map(({ nodeId }) => nodeId),
    )
    if (!this.#surveyDue || this.#surveying || !this.#brokers.has(broker.id)) return
    this.#surveyDue = false
    this.#run(this.#survey(broker))
  }

  #makeCanaries(broker: BrokerWatch, topic: TopicMetadata | undefined, brokers: readonly number[]): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (this.#creating || nowMs - this.#createdAtMs < creationIntervalMs) return
    const exchange = missingCanaries(topic, brokers, creationTimeoutMs)
    if (exchange === undefined) return
    this.#createdAtMs = nowMs
    this.#creating = true
    const link = new BrokerLink(broker.address)
    const stop = () => link.close()
    this.#stopped.signal.addEventListener('abort', stop)
    const creation = link.ask(exchange, creationTimeoutMs + 1000).then((answer) => this.#created(answer))
    this.#run(
      creation.catch(this.#onTrouble).finally(() => {
        this.#creating = false
        this.#stopped.signal.removeEventListener('abort', stop)
        link.close()
      }),
    )
  }

  #created(answer: TopicErrors): void {
    const problem = creationProblem(answer)
    if (problem === undefined) return
    this.#options.logger.warn({ cluster: this.#options.name, problem }, 'the canary topic could not be made')
  }

  /** Asks a broker that has just answered, so that one that hangs is not asked. Never rejects. */
  async #survey(broker: BrokerWatch): Promise<void> {
    const { topics, groups } = this.#watched
    this.#surveying = true
    try {
      // kafkajs takes no topics for all topics.
      const found = topics.size === 0 ? [] : await this.#topicsOf(broker, [...topics])
      this.#partitions = countPartitions(found)
      this.#run(this.#ends.tick(found, this.#wasWell))
      this.#run(this.#committed.tick(groups, found, broker.id))
    } catch (error) {
      this.#onTrouble(error)
    } finally {
      this.#surveying = false
    }
  }

  async #topicsOf(broker: BrokerWatch, topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    const exchange = requests.Metadata.protocol({ version: 6 })({ topics, allowAutoTopicCreation: false })
    const { topicMetadata } = await broker.survey.ask(exchange, secondLimitMs)
    return topicMetadata
  }

  readonly #onTrouble = (error: unknown): void => {
    if (this.#stopped.signal.aborted) return
    this.#options.logger.debug({ err: error, cluster: this.#options.name }, 'the watch had no answer')
  }

  #run(work: Promise<void>): void {
    const watched: Promise<void> = work
      .catch((error: unknown) => {
        this.#options.logger.error({ err: error, cluster: this.#options.name }, 'the watch failed')
      })
      .finally(() => this.#pending.delete(watched))
    this.#pending.add(watched)
  }
}

function isWell({ answer, canary }: WatchedBroker): boolean {
  return answer === 'answered' && canary.failed === 0
}
