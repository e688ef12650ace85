import type { TopicMetadata } from './cluster-metadata.ts'
import type { ClusterReach } from './cluster-reach.ts'
import { type FetchPlan, planFetch } from './fetch-plan.ts'
import { FetchSubscription, type SubscriptionOptions } from './fetch-subscription.ts'
import { type Candidate, FetchAnswers } from './fetcher-answers.ts'
import { BrokerFetcher } from './fetcher-broker.ts'
import { FetcherMetadata, type FetcherMetadataOptions } from './fetcher-metadata.ts'
import { FrameSocket } from './frame-socket.ts'
import { isMilestone } from './milestone.ts'
import type { LogEnd, LogPosition } from './offsets.ts'

export interface ClusterFetcherOptions extends Omit<FetcherMetadataOptions, 'onFresh'> {
  /** Longest time a broker holds a request while there is nothing. */
  readonly maxWaitMs: number
  /** Of one answer in all. */
  readonly maxBytes: number
}

const shortestWaitMs = 5

/**
 * Reads topic-partitions of one cluster for any number of subscriptions, over one long-poll per broker. Finds the leaders and follows
 * them when they move; while no broker answers, only one question goes on (`reach`), and everything begins again with its answer.
 */
export class ClusterFetcher {
  readonly #options: ClusterFetcherOptions
  readonly #metadata: FetcherMetadata
  readonly #answers: FetchAnswers
  readonly #subscriptions = new Set<FetchSubscription>()
  readonly #brokers = new Map<number, BrokerFetcher<Candidate>>()
  #wakeTimer: NodeJS.Timeout | undefined
  #wakeAtMs = Number.POSITIVE_INFINITY
  #closed = false

  constructor(options: ClusterFetcherOptions) {
    this.#options = options
    this.#metadata = new FetcherMetadata({ ...options, onFresh: (returned) => this.#onFresh(returned) })
    this.#answers = new FetchAnswers({
      ...options,
      metadata: this.#metadata,
      wakeIn: (delayMs) => this.#wakeIn(delayMs),
    })
  }

  get reach(): ClusterReach {
    return this.#metadata.reach
  }

  /** Makes the topic known, and resolves with its partition count when a broker told it; rejects when none does. */
  async partitionCount(topic: string): Promise<number> {
    return (await this.#metadata.find(topic)).partitions.length
  }

  /** As the latest metadata say, which are asked for every minute; `undefined` also once a leader said that the topic is gone. */
  knownTopic(topic: string): TopicMetadata | undefined {
    return this.#metadata.topic(topic)
  }

  /** Waits, asking thrice a second, until a broker knows the topic; `undefined` when `signal` ended the wait. Never rejects. */
  untilTopic(topic: string, signal: AbortSignal): Promise<TopicMetadata | undefined> {
    return this.#metadata.untilTopic(topic, signal)
  }

  /** First or last readable offsets. Rejects while a leader is missing. */
  ends(topic: string, partitions: readonly number[], end: LogEnd): Promise<ReadonlyMap<number, LogPosition>> {
    return this.#metadata.ends(topic, partitions, end)
  }

  /**
   * Where the logs end on their leaders at some time after the call, with what is acknowledged and not replicated yet; without those
   * whose leader gave no answer. Never rejects.
   */
  logEnds(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return this.#metadata.logEnds(topic, partitions)
  }

  subscribe(options: SubscriptionOptions): FetchSubscription {
    const subscription = new FetchSubscription(options, (one) => this.#wake(one))
    this.#subscriptions.add(subscription)
    this.#metadata.want(options.topic)
    this.#wake(subscription)
    return subscription
  }

  /** No handler is called for it any more. */
  unsubscribe(subscription: FetchSubscription): void {
    subscription.closed = true
    this.#subscriptions.delete(subscription)
  }

  /** End of what can be read of the partition (the last stable offset); `undefined` until the first answer. */
  readableEnd({ topicId, partition }: FetchSubscription): number | undefined {
    return this.#answers.readableEnd(topicId, partition)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#wakeTimer)
    for (const broker of this.#brokers.values()) broker.close()
    for (const subscription of this.#subscriptions) subscription.closed = true
    this.#subscriptions.clear()
    this.#metadata.close()
  }

  #onFresh(returned: boolean): void {
    if (returned) for (const broker of this.#brokers.values()) broker.hurry()
    this.#wakeAll()
  }

  #wakeAll(): void {
    if (this.#closed) return
    for (const subscription of this.#subscriptions) this.#wake(subscription)
  }

  #wake(subscription: FetchSubscription): void {
    if (this.#closed || this.reach.away) return
    const { topic, partition } = subscription
    const leader = this.#metadata.partition(topic, partition)?.leader ?? -1
    if (leader < 0) this.#metadata.ask('soon')
    else this.#broker(leader).wake()
  }

  /** The earliest of those asked for holds. */
  #wakeIn(delayMs: number): void {
    const atMs = this.#options.clock.monotonicMs() + delayMs
    if (this.#closed || this.#wakeAtMs <= atMs) return
    clearTimeout(this.#wakeTimer)
    this.#wakeAtMs = atMs
    this.#wakeTimer = setTimeout(() => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY
      this.#wakeAll()
    }, delayMs)
  }

  #broker(id: number): BrokerFetcher<Candidate> {
    let broker = this.#brokers.get(id)
    if (broker === undefined) {
      const { clock, clusterId, warn } = this.#options
      broker = new BrokerFetcher<Candidate>({
        clock,
        open: () => this.#open(id),
        plan: () => this.#plan(id),
        onAnswer: (asked, partitions) => this.#answers.take(asked, partitions),
        onSlow: () => this.#metadata.ask('now'),
        onFailure: (error, failures) => {
          this.#metadata.ask('now')
          if (this.reach.away || !isMilestone(failures)) return
          warn({ cluster: clusterId, broker: id, failures, err: error }, 'a broker does not answer a fetch')
        },
      })
      this.#brokers.set(id, broker)
    }
    return broker
  }

  async #open(id: number): Promise<FrameSocket> {
    const address = this.#metadata.broker(id)
    if (address === undefined) throw new Error(`broker ${id} is not in the cluster's metadata`)
    const { clientId, requestTimeoutMs, security } = this.#options
    return FrameSocket.open(address, {
      clientId,
      connectTimeoutMs: requestTimeoutMs,
      ...(security === undefined ? {} : { security }),
    })
  }

  #plan(broker: number): FetchPlan<Candidate> | undefined {
    if (this.reach.away) return undefined
    const nowMs = this.#options.clock.monotonicMs()
    const candidates: Candidate[] = []
    let maxWaitMs = this.#options.maxWaitMs
    for (const subscription of this.#subscriptions) {
      const leader = this.#metadata.partition(subscription.topic, subscription.partition)
      if (leader?.leader !== broker || subscription.paused || subscription.resolving) continue
      if (subscription.notBeforeMs > nowMs) {
        this.#wakeIn(subscription.notBeforeMs - nowMs + 1)
        continue
      }
      if (subscription.isFull) {
        // It will be ready soon, the sooner the shorter it has been full: then it must not wait out a long-poll of the others.
        if (subscription.fullSinceMs === 0) subscription.fullSinceMs = nowMs
        maxWaitMs = Math.min(maxWaitMs, Math.max(shortestWaitMs, (nowMs - subscription.fullSinceMs) / 2))
        continue
      }
      subscription.fullSinceMs = 0
      const candidate = this.#candidate(subscription, leader.leaderEpoch)
      if (candidate !== undefined) candidates.push(candidate)
    }
    if (candidates.length === 0) return undefined
    this.#answers.beginRound()
    return planFetch(candidates, { maxWaitMs: Math.floor(maxWaitMs), maxBytes: this.#options.maxBytes })
  }

  #candidate(subscription: FetchSubscription, currentLeaderEpoch: number): Candidate | undefined {
    const topicId = this.knownTopic(subscription.topic)?.topicId
    if (topicId === undefined) return undefined
    if (subscription.topicId !== undefined && subscription.topicId !== topicId) {
      this.#answers.replaced(subscription, topicId)
    }
    subscription.topicId = topicId
    const { partition, position, maxBytes, lastRound } = subscription
    const end = this.#answers.readableEnd(topicId, partition)
    return {
      subscription,
      topicId,
      partition,
      fetchOffset: position.offset,
      currentLeaderEpoch,
      lastFetchedEpoch: position.leaderEpoch,
      maxBytes,
      behind: end === undefined || position.offset < end,
      lastRound,
    }
  }
}
