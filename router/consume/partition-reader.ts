import type { Clock } from '../../src/core/clock.ts'
import type { FetchBudget, FetchSubscription, RepositionReason } from '../../src/kafka/fetch-subscription.ts'
import type { ClusterFetcher } from '../../src/kafka/fetcher.ts'
import type { CommittedPosition } from '../../src/kafka/group-offsets.ts'
import type { LogEnd, LogPosition } from '../../src/kafka/offsets.ts'
import type { Sink, SinkResult } from '../sink/sink.ts'
import { PartitionFlow } from './partition-flow.ts'
import { findStart, judgeStart, type Memory } from './start-position.ts'

/** What all partitions of a job have in common. */
export interface ReaderContext {
  readonly topic: string
  /** Where a partition without a committed offset starts. */
  readonly from: LogEnd
  readonly fetcher: ClusterFetcher
  readonly sink: Sink
  readonly clock: Clock
  readonly fetchMaxBytes: number
  readonly budget: FetchBudget
  readonly sourcePartitions: () => number
  readonly paused: () => boolean
  /** See `DrainGate.admit`. */
  readonly admit: (partition: number) => Promise<void> | undefined
  readonly onResult: (result: SinkResult) => void
  /** `records` were moved over: read and rewritten, or gone from the log before they were read. */
  readonly onReposition: (move: PartitionMove) => void
  readonly onProgress: () => void
  readonly onCrash: (error: unknown) => void
  readonly onTrouble: (error: unknown, partition: number) => void
}

export interface PartitionMove {
  readonly reason: Exclude<RepositionReason, 'start-found'>
  readonly partition: number
  readonly from: number
  readonly to: number
  readonly records: number
}

/** Of one partition, as far as is known. */
export interface PartitionLag {
  readonly records: number
  /** Wall clock, while it lags: since when nothing newer was delivered. */
  readonly behindSinceMs: number | undefined
}

const none: PartitionLag = { records: 0, behindSinceMs: undefined }

/** Reads one partition from where the route stands, for as long as its job owns it: first waits until topic and order allow it. */
export class PartitionReader {
  readonly partition: number
  readonly #context: ReaderContext
  readonly #stopping = new AbortController()
  #flow: PartitionFlow | undefined
  #subscription: FetchSubscription | undefined

  constructor(context: ReaderContext, partition: number) {
    this.#context = context
    this.partition = partition
  }

  /** `before`: what this process knew of the partition when it read it last. */
  start(committed: CommittedPosition | undefined, before: Memory | undefined): void {
    this.#begin(committed, before).catch((error: unknown) => this.#context.onCrash(error))
  }

  /** Everything before it is with the sink; `undefined` until it has begun. */
  get delivered(): CommittedPosition | undefined {
    return this.#flow?.delivered
  }

  /** The same where it may be committed: not while what it delivers is of a topic that is gone. */
  get committable(): CommittedPosition | undefined {
    const delivered = this.#flow?.delivered
    return delivered?.topicId === this.#subscription?.topicId ? delivered : undefined
  }

  get reading(): boolean {
    return this.#subscription !== undefined
  }

  setPaused(paused: boolean): void {
    if (paused) this.#subscription?.pause()
    else this.#subscription?.resume()
  }

  /** Fetches no more, and resolves when no write is in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    if (this.#subscription !== undefined) this.#context.fetcher.unsubscribe(this.#subscription)
    await this.#flow?.stop()
  }

  /** For whoever reads it next in this process; `undefined` when it never began. */
  remember(): Memory | undefined {
    const delivered = this.#flow?.delivered
    if (delivered === undefined) return undefined
    return { delivered, end: this.#end(), lag: this.lag() }
  }

  /** Records that can be read and were not delivered; only what is known by now. */
  lag(): PartitionLag {
    const flow = this.#flow
    const end = this.#end()
    if (flow === undefined || end === undefined) return none
    const { offset, topicId } = flow.delivered
    const records = Math.max(0, end - (topicId === this.#subscription?.topicId ? offset : 0))
    return records === 0 ? none : { records, behindSinceMs: flow.deliveredTimestampMs ?? flow.startedMs }
  }

  #end(): number | undefined {
    return this.#subscription === undefined
      ? undefined
      : this.#context.fetcher.readableEnd(this.#subscription)
  }

  async #begin(committed: CommittedPosition | undefined, before: Memory | undefined): Promise<void> {
    const { fetcher, topic, from, admit, onReposition, onProgress } = this.#context
    const { signal } = this.#stopping
    const known = await fetcher.untilTopic(topic, signal)
    if (known === undefined) return
    await this.#unlessStopped(admit(this.partition))
    if (signal.aborted) return
    // It may have been made anew while the gate was closed; the subscription notices.
    const { topicId } = known
    const verdict = judgeStart(topicId, committed, before)
    if (verdict.replaced !== undefined) {
      const { from: left, records } = verdict.replaced
      onReposition({ reason: 'topic-replaced', partition: this.partition, from: left, to: 0, records })
    }
    if (verdict.position !== undefined) this.#carry({ ...verdict.position, topicId }, false)
    else if (from === 'earliest' || verdict.replaced !== undefined) {
      this.#carry({ offset: 0, leaderEpoch: -1, topicId }, true)
    } else {
      const start = await this.#latest(signal)
      if (start !== undefined) this.#carry({ ...start, topicId }, false)
    }
    // A start that was looked up is written down: `latest` would be another one after a restart.
    if (committed?.topicId !== topicId) onProgress()
  }

  #latest(signal: AbortSignal): Promise<LogPosition | undefined> {
    const { fetcher, topic, from, onTrouble } = this.#context
    return findStart(() => fetcher.ends(topic, [this.partition], from), this.partition, {
      signal,
      reach: fetcher.reach,
      warn: (error) => onTrouble(error, this.partition),
    })
  }

  async #unlessStopped(wait: Promise<void> | undefined): Promise<void> {
    if (wait === undefined) return
    const { signal } = this.#stopping
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = () => resolve()
    signal.addEventListener('abort', stop)
    await Promise.race([wait, promise])
    signal.removeEventListener('abort', stop)
  }

  #carry(start: CommittedPosition, fromStart: boolean): void {
    const { partition } = this
    const { fetcher, topic, sink, clock, fetchMaxBytes, budget, paused, onReposition, onCrash } =
      this.#context
    const flow = new PartitionFlow({
      partition,
      start,
      startedMs: clock.wallMs(),
      sink,
      sourcePartitions: this.#context.sourcePartitions,
      admit: () => this.#context.admit(partition),
      consumed: (bytes) => subscription.consumed(bytes),
      onResult: this.#context.onResult,
      onProgress: this.#context.onProgress,
      onCrash,
    })
    this.#flow = flow
    const subscription = fetcher.subscribe({
      topic,
      partition,
      position: { offset: start.offset, leaderEpoch: start.leaderEpoch },
      ...(start.topicId === undefined ? {} : { topicId: start.topicId }),
      fromStart,
      maxBytes: fetchMaxBytes,
      budget,
      handler: {
        onChunk: (chunk) => flow.push(chunk),
        onReposition: (reason, from, to, records) => {
          if (reason === 'diverged') flow.rewind(to)
          else flow.moveAfterQueue({ ...to, ...this.#topicId() })
          if (reason !== 'start-found') onReposition({ reason, partition, from, to: to.offset, records })
        },
        delivered: () => flow.delivered,
      },
    })
    this.#subscription = subscription
    if (paused()) subscription.pause()
  }

  /** Of the topic that is read now. */
  #topicId(): { readonly topicId?: string } {
    const topicId = this.#subscription?.topicId
    return topicId === undefined ? {} : { topicId }
  }
}
