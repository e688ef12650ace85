import type { ConnectionOptions } from '@platformatic/kafka'
import type { Clock } from '../core/clock.ts'
import type { ClusterMetadataOptions, PartitionLeader, TopicMetadata } from './cluster-metadata.ts'
import { ClusterReach } from './cluster-reach.ts'
import { LogEnds } from './fetcher-ends.ts'
import type { BrokerAddress } from './frame-socket.ts'
import { MetadataKeeper } from './metadata-keeper.ts'
import { type LogEnd, type LogPosition, listOffsets } from './offsets.ts'

export interface FetcherMetadataOptions extends Omit<ClusterMetadataOptions, 'timeoutMs'> {
  readonly clusterId: string
  readonly clock: Clock
  readonly requestTimeoutMs: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
  /** Leaders may have changed: look for work. `returned`: no broker had answered for a while. */
  readonly onFresh: (returned: boolean) => void
}

/** A broker that does not answer a question about metadata within this is left for the next one. */
const longestWaitMs = 2_000
const firstProbePauseMs = 300
const longestProbePauseMs = 1_200

/**
 * What is known of a cluster's topics and leaders, and whether it answers at all. Asks every minute, thrice a second while something is
 * missing that is waited for, and with pauses of at most 1.2 s while no broker answers.
 */
export class FetcherMetadata {
  readonly reach: ClusterReach
  readonly #options: FetcherMetadataOptions
  readonly #keeper: MetadataKeeper
  readonly #logEnds: LogEnds
  /** To be called when there is news. */
  readonly #waiting = new Set<() => void>()
  #closed = false

  constructor(options: FetcherMetadataOptions) {
    this.#options = options
    this.reach = new ClusterReach({
      ...options,
      meaning: 'what reads from it waits',
      look: () => this.#keeper.askNow(),
    })
    this.#keeper = new MetadataKeeper({
      ...options,
      timeoutMs: Math.min(options.requestTimeoutMs, longestWaitMs),
      retryMs: probePauseMs,
      onFresh: () => this.#onFresh(),
      onFailure: (error) => this.reach.silent(error),
    })
    this.#logEnds = new LogEnds({
      ...options,
      metadata: this.#keeper.metadata,
      timeoutMs: options.requestTimeoutMs,
      onTrouble: () => this.ask('now'),
    })
  }

  /** As last heard; `undefined` also once a leader said that the topic is gone. */
  topic(name: string): TopicMetadata | undefined {
    return this.#keeper.metadata.topic(name)
  }

  partition(topic: string, partition: number): PartitionLeader | undefined {
    return this.topic(topic)?.partitions[partition]
  }

  broker(id: number): BrokerAddress | undefined {
    return this.#keeper.metadata.broker(id)
  }

  want(topic: string): void {
    this.#keeper.metadata.want(topic)
    if (this.topic(topic) === undefined) this.ask('now')
  }

  /** A leader does not know the topic: wait until a broker does. Kafka's answer about a topic that is gone leaves the old one in place. */
  forget(name: string): void {
    const { metadata } = this.#keeper
    if (metadata.topic(name) === undefined) return
    metadata.forget(name)
    metadata.want(name)
  }

  /** Nobody hurries a cluster that is away: its one question goes on with pauses of its own. */
  ask(when: 'now' | 'soon'): void {
    if (this.reach.away || this.#closed) return
    if (when === 'now') this.#keeper.askNow()
    else this.#keeper.askSoon()
  }

  /** Waits until a broker knows the topic; `undefined` when `signal` ended the wait. Never rejects. */
  async untilTopic(name: string, signal: AbortSignal): Promise<TopicMetadata | undefined> {
    this.want(name)
    while (this.topic(name) === undefined && !signal.aborted) {
      await this.#untilFresh(signal)
      if (this.topic(name) === undefined) this.ask('soon')
    }
    return signal.aborted ? undefined : this.topic(name)
  }

  /** Asks at once; rejects when no broker answers, or none knows the topic. */
  async find(name: string): Promise<TopicMetadata> {
    const { metadata } = this.#keeper
    metadata.want(name)
    // Twice, because the first may share a request that was on its way before the topic was wanted.
    for (let asked = 0; asked < 2 && metadata.topic(name) === undefined; asked += 1) await metadata.refresh()
    const known = metadata.topic(name)
    if (known === undefined) throw new Error(`topic ${name} is not on cluster ${this.#options.clusterId}`)
    return known
  }

  /** First or last readable offsets. Rejects while a leader is missing. */
  async ends(
    topic: string,
    partitions: readonly number[],
    end: LogEnd,
  ): Promise<ReadonlyMap<number, LogPosition>> {
    await this.find(topic)
    const { clientId, requestTimeoutMs, security } = this.#options
    return listOffsets(this.#keeper.metadata, topic, partitions, end, {
      clientId,
      timeoutMs: requestTimeoutMs,
      ...(security === undefined ? {} : { security }),
    })
  }

  /** Where the logs end on their leaders, replicated or not: see `LogEnds`. Never rejects. */
  logEnds(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return this.#logEnds.of(topic, partitions)
  }

  close(): void {
    this.#closed = true
    this.#keeper.close()
  }

  #onFresh(): void {
    if (this.#closed) return
    const returned = this.reach.away
    this.reach.answered()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
    this.#options.onFresh(returned)
  }

  async #untilFresh(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const resume = () => resolve()
    this.#waiting.add(resume)
    signal.addEventListener('abort', resume)
    await promise
    this.#waiting.delete(resume)
    signal.removeEventListener('abort', resume)
  }
}

/** Shorter than what a cluster needs to come back, with jitter so that many routers do not ask in step. */
function probePauseMs(failures: number): number {
  const longestMs = Math.min(longestProbePauseMs, firstProbePauseMs * 2 ** Math.min(failures - 1, 10))
  return longestMs * (0.5 + Math.random() / 2)
}
