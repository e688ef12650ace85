import type { Clock } from '../core/clock.ts'
import type { ClusterMetadataOptions } from './cluster-metadata.ts'
import { type FetchCandidate, type FetchPlan, planFetch } from './fetch-plan.ts'
import type { FetchedPartition } from './fetch-protocol.ts'
import { FetchSubscription, type SubscriptionOptions } from './fetch-subscription.ts'
import { BrokerFetcher } from './fetcher-broker.ts'
import { FrameSocket } from './frame-socket.ts'
import { MetadataKeeper } from './metadata-keeper.ts'
import { type LogEnd, type LogPosition, listOffsets } from './offsets.ts'
import { hasValidCrc, readBatches } from './record-batch-reader.ts'

export interface ClusterFetcherOptions extends Omit<ClusterMetadataOptions, 'timeoutMs'> {
  readonly clusterId: string
  readonly clock: Clock
  /** Longest time a broker holds a request while there is nothing. */
  readonly maxWaitMs: number
  /** Of one answer in all. */
  readonly maxBytes: number
  readonly requestTimeoutMs: number
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
}

interface Candidate extends FetchCandidate {
  readonly subscription: FetchSubscription
}

const outOfRange = 1
const shortestWaitMs = 5
const firstErrorPauseMs = 100
const longestErrorPauseMs = 5_000

/**
 * Reads topic-partitions of one cluster for any number of subscriptions, over one long-poll per broker. Finds the leaders, follows them
 * when they move, and moves a position only as semantics "Records" says: to where the log diverged, or to the earliest record when the
 * position is not there any more.
 */
export class ClusterFetcher {
  readonly #options: ClusterFetcherOptions
  readonly #keeper: MetadataKeeper
  readonly #subscriptions = new Set<FetchSubscription>()
  readonly #brokers = new Map<number, BrokerFetcher<Candidate>>()
  /** End of the readable log by `topicId/partition`, from the latest answer. */
  readonly #ends = new Map<string, number>()
  #round = 0
  #wakeTimer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ClusterFetcherOptions) {
    this.#options = options
    this.#keeper = new MetadataKeeper({
      ...options,
      timeoutMs: options.requestTimeoutMs,
      onFresh: () => this.#wakeAll(),
      onFailure: (error) => options.warn({ cluster: options.clusterId, err: error }, 'no broker answers'),
    })
  }

  /** Makes the topic known, and resolves with its partition count when a broker told it; rejects when none does. */
  async partitionCount(topic: string): Promise<number> {
    const { metadata } = this.#keeper
    metadata.want(topic)
    // Twice, because the first may share a request that was on its way before the topic was wanted.
    for (let asked = 0; asked < 2 && metadata.topic(topic) === undefined; asked += 1) await metadata.refresh()
    const known = metadata.topic(topic)
    if (known === undefined) throw new Error(`topic ${topic} is not on cluster ${this.#options.clusterId}`)
    return known.partitions.length
  }

  /** As the latest metadata say, which are asked for every minute. */
  knownPartitionCount(topic: string): number | undefined {
    return this.#keeper.metadata.topic(topic)?.partitions.length
  }

  /** First or last readable offsets. Rejects while a leader is missing. */
  async ends(
    topic: string,
    partitions: readonly number[],
    end: LogEnd,
  ): Promise<ReadonlyMap<number, LogPosition>> {
    await this.partitionCount(topic)
    const { clientId, requestTimeoutMs, security } = this.#options
    return listOffsets(this.#keeper.metadata, topic, partitions, end, {
      clientId,
      timeoutMs: requestTimeoutMs,
      ...(security === undefined ? {} : { security }),
    })
  }

  subscribe(options: SubscriptionOptions): FetchSubscription {
    const subscription = new FetchSubscription(options, (one) => this.#wake(one))
    this.#subscriptions.add(subscription)
    this.#keeper.metadata.want(options.topic)
    this.#wakeAll()
    return subscription
  }

  /** No handler is called for it any more. */
  unsubscribe(subscription: FetchSubscription): void {
    subscription.closed = true
    this.#subscriptions.delete(subscription)
  }

  /** End of what can be read of the partition (the last stable offset); `undefined` until the first answer. */
  readableEnd(subscription: FetchSubscription): number | undefined {
    return this.#ends.get(`${subscription.topicId}/${subscription.partition}`)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#wakeTimer)
    for (const broker of this.#brokers.values()) broker.close()
    for (const subscription of this.#subscriptions) subscription.closed = true
    this.#subscriptions.clear()
    await this.#keeper.close()
  }

  #wakeAll(): void {
    if (this.#closed) return
    for (const subscription of this.#subscriptions) this.#wake(subscription)
  }

  #wake(subscription: FetchSubscription): void {
    if (this.#closed) return
    const partition = this.#partition(subscription)
    if (partition === undefined) this.#keeper.askNow()
    else if (partition.leader < 0) this.#keeper.askSoon()
    else this.#broker(partition.leader).wake()
  }

  #wakeIn(delayMs: number): void {
    clearTimeout(this.#wakeTimer)
    this.#wakeTimer = setTimeout(() => this.#wakeAll(), delayMs)
  }

  #partition({ topic, partition }: FetchSubscription) {
    return this.#keeper.metadata.topic(topic)?.partitions[partition]
  }

  #broker(id: number): BrokerFetcher<Candidate> {
    let broker = this.#brokers.get(id)
    if (broker === undefined) {
      const { clock, clusterId, warn } = this.#options
      broker = new BrokerFetcher<Candidate>({
        clock,
        open: () => this.#open(id),
        plan: () => this.#plan(id),
        onAnswer: (asked, partitions) => this.#onAnswer(asked, partitions),
        onFailure: (error) => {
          warn({ cluster: clusterId, broker: id, err: error }, 'a broker does not answer a fetch')
          this.#keeper.askNow()
        },
      })
      this.#brokers.set(id, broker)
    }
    return broker
  }

  async #open(id: number): Promise<FrameSocket> {
    const address = this.#keeper.metadata.broker(id)
    if (address === undefined) throw new Error(`broker ${id} is not in the cluster's metadata`)
    const { clientId, requestTimeoutMs, security } = this.#options
    return FrameSocket.open(address, {
      clientId,
      connectTimeoutMs: requestTimeoutMs,
      ...(security === undefined ? {} : { security }),
    })
  }

  #plan(broker: number): FetchPlan<Candidate> | undefined {
    const nowMs = this.#options.clock.monotonicMs()
    const candidates: Candidate[] = []
    let maxWaitMs = this.#options.maxWaitMs
    for (const subscription of this.#subscriptions) {
      const leader = this.#partition(subscription)
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
    this.#round += 1
    const plan = planFetch(candidates, { maxWaitMs: Math.floor(maxWaitMs), maxBytes: this.#options.maxBytes })
    return plan
  }

  #candidate(subscription: FetchSubscription, currentLeaderEpoch: number): Candidate | undefined {
    const topicId = this.#keeper.metadata.topic(subscription.topic)?.topicId
    if (topicId === undefined) return undefined
    if (subscription.topicId !== undefined && subscription.topicId !== topicId) {
      this.#reposition(subscription, 'topic-replaced', { offset: 0, leaderEpoch: -1 })
    }
    subscription.topicId = topicId
    const { partition, position, maxBytes, lastRound } = subscription
    const end = this.#ends.get(`${topicId}/${partition}`)
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

  #onAnswer(asked: readonly Candidate[], partitions: readonly FetchedPartition[]): void {
    const byKey = new Map(
      asked.map((candidate) => [`${candidate.topicId}/${candidate.partition}`, candidate]),
    )
    for (const fetched of partitions) {
      const key = `${fetched.topicId}/${fetched.partition}`
      const candidate = byKey.get(key)
      if (candidate === undefined) continue
      const { subscription } = candidate
      const moved = subscription.closed || subscription.position.offset !== candidate.fetchOffset
      if (moved || subscription.topicId !== fetched.topicId) continue
      if (fetched.code !== 0) this.#onError(subscription, fetched.code)
      else {
        this.#ends.set(key, fetched.lastStableOffset < 0 ? fetched.highWatermark : fetched.lastStableOffset)
        this.#onFetched(subscription, fetched)
      }
    }
  }

  #onFetched(subscription: FetchSubscription, fetched: FetchedPartition): void {
    const { diverging } = fetched
    if (diverging !== undefined && diverging.endOffset >= 0) {
      const offset = Math.min(diverging.endOffset, subscription.position.offset)
      this.#reposition(subscription, 'diverged', { offset, leaderEpoch: diverging.epoch })
      return
    }
    if (fetched.records.length === 0) {
      subscription.failures = 0
      return
    }
    const batches = readBatches(fetched.records)
    const last = batches.at(-1)
    if (last === undefined) return
    if (!batches.every(hasValidCrc)) {
      this.#holdBack(subscription, 'a fetched batch has a wrong CRC and is fetched again')
      return
    }
    subscription.failures = 0
    subscription.lastRound = this.#round
    const fromOffset = subscription.position.offset
    const next = { offset: last.lastOffset + 1, leaderEpoch: last.leaderEpoch }
    const bytes = fetched.records.length
    subscription.position = next
    subscription.took(bytes)
    subscription.handler.onChunk({ batches, fromOffset, next, aborted: fetched.aborted, bytes })
  }

  #onError(subscription: FetchSubscription, code: number): void {
    if (code === outOfRange) {
      this.#resolveEarliest(subscription)
      return
    }
    // Moved leaders and unknown topics are told by these codes too: new metadata decide what they mean.
    this.#keeper.askNow()
    this.#holdBack(subscription, `a broker answers the fetch of a partition with error ${code}`)
  }

  #holdBack(subscription: FetchSubscription, message: string): void {
    const { clock, clusterId, warn } = this.#options
    const pauseMs = Math.min(
      longestErrorPauseMs,
      firstErrorPauseMs * 2 ** Math.min(subscription.failures, 10),
    )
    subscription.notBeforeMs = clock.monotonicMs() + pauseMs
    subscription.failures += 1
    const { topic, partition, failures } = subscription
    // A leader that moves is nothing to speak of; one that stays away is.
    if (failures > 2) warn({ cluster: clusterId, topic, partition, failures }, message)
    this.#wakeIn(pauseMs + 1)
  }

  #resolveEarliest(subscription: FetchSubscription): void {
    const { topic, partition } = subscription
    subscription.resolving = true
    this.ends(topic, [partition], 'earliest').then(
      (found) => {
        subscription.resolving = false
        const earliest = found.get(partition)
        if (earliest !== undefined && !subscription.closed)
          this.#reposition(subscription, 'out-of-range', earliest)
        this.#wakeAll()
      },
      (error: unknown) => {
        subscription.resolving = false
        this.#options.warn({ topic, partition, err: error }, 'the earliest offset is not known')
        this.#keeper.askNow()
        this.#holdBack(subscription, 'no earliest offset')
      },
    )
  }

  #reposition(
    subscription: FetchSubscription,
    reason: 'diverged' | 'out-of-range' | 'topic-replaced',
    to: LogPosition,
  ): void {
    const from = subscription.position.offset
    subscription.position = to
    subscription.handler.onReposition(reason, from, to)
  }
}
