import type { ReportedCluster } from '../core/proxy-report.ts'
import { type AssembledBatch, type Assembly, resultFinder } from './assembly.ts'
import type { ClusterState } from './cluster-state.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Lane, LaneAnswer } from './lane.ts'
import { LaneSet, type LaneSetOptions } from './lane-set.ts'
import { LeaderLanes } from './leader-lanes.ts'
import { MetadataKeeper } from './metadata-keeper.ts'
import type { BatchOutcome, OutgoingBatch } from './outgoing-batch.ts'
import { asksForMetadata, judgeProduceCode } from './produce-errors.ts'
import type { ProduceResult } from './produce-request.ts'
import { ProduceStats } from './produce-stats.ts'
import { ProducerAccount } from './producer-account.ts'
import { standingOf, stateOf } from './producer-standing.ts'
import { QueuedBatch } from './queued-batch.ts'
import { type QueueHome, TopicQueue } from './topic-queue.ts'

export interface ClusterProducerOptions extends LaneSetOptions {
  readonly clusterId: string
  /** A request is sent when it has grown to this; a larger batch goes alone. */
  readonly requestBytes: number
  /** Unkeyed batches stay on a partition until this many bytes went there. */
  readonly stickyBytes: number
  /** Something a person should know: a broker that does not answer, a batch that was refused. */
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
  readonly draw?: () => number
  /** For topics that may move to another cluster; without it they stay here for good. */
  readonly moves?: TopicMoves
  /** Counters that go on where an earlier producer of the cluster ended. */
  readonly stats?: ProduceStats
}

/** Who knows which cluster a topic belongs to. */
export interface TopicMoves {
  /**
   * A broker has no place for the topic: unknown, made anew, or taking nothing. Answered with `confirmed` once the placement was
   * confirmed after this call, or with `release`; until then a refused batch has no outcome (semantics "Failover and failback").
   */
  doubt(topic: string): void
  /** A batch that had been sent when its topic moved came back, and is the other cluster's from now on. */
  moved(topic: string, events: number): void
  /** A request goes out; what it returns is handed to `answered` when its fate is known. */
  sent(): number
  answered(attempt: number): void
}

const sweepMs = 250
const idleMs = 180_000
const retryRefusedMs = 100

/**
 * Sends record batches to the leaders of one cluster. Never waits and never drops: a batch is acknowledged, refused, or given up at its
 * deadline. The caller bounds memory; this class bounds what is on the wire, per lane.
 *
 * An unkeyed batch gets its partition only when a lane has room, so a slow broker holds no more than its lane, and what went unanswered
 * there is sent elsewhere. A batch with a fixed partition waits for its leader, one in flight, in order.
 *
 * A topic moves to another cluster's producer with its queue (`release`, `adopt`). What is in flight then stays with this one until it is
 * answered or its deadline has come, and goes to the queue's new home if it must be sent again.
 */
export class ClusterProducer implements QueueHome {
  readonly account: ProducerAccount
  readonly #options: ClusterProducerOptions
  readonly #keeper: MetadataKeeper
  readonly #lanes: LaneSet
  readonly #dispatcher: Dispatcher
  readonly #topics = new Map<string, TopicQueue>()
  /** Those with something to send, least recently served first: a flooding topic must not keep the lanes to itself. */
  readonly #active = new Set<TopicQueue>()
  /** Of each request in flight, when the longest waiting of its batches came (monotonic). */
  readonly #inFlight = new Set<{ readonly sinceMs: number }>()
  readonly #sweep: NodeJS.Timeout
  #dispatchedMs = 0
  #scheduled = false
  #closed = false

  constructor(options: ClusterProducerOptions) {
    this.#options = options
    this.account = new ProducerAccount(options.stats ?? new ProduceStats())
    this.#keeper = new MetadataKeeper({
      ...options,
      onFresh: () => this.#schedule(),
      onFailure: (error) => options.warn({ cluster: options.clusterId, err: error }, 'no broker answers'),
    })
    this.#lanes = new LaneSet(options, this.#keeper.metadata, () => this.#schedule())
    this.#dispatcher = new Dispatcher({
      ...options,
      lanes: new LeaderLanes(this.#keeper, this.#lanes, options.draw ?? Math.random),
      send: (assembly) => this.#send(assembly),
      onWithdrawn: (entry) => this.account.leave(entry),
      onShrunk: (events) => this.account.shrunk(events),
      onReady: () => this.#schedule(),
    })
    this.#sweep = setInterval(() => this.#onSweep(), sweepMs)
    this.#sweep.unref()
  }

  get stats(): ProduceStats {
    return this.account.stats
  }

  /** Batches that are not settled yet, sent or not. */
  get unsettled(): number {
    return this.account.unsettled
  }

  lanes(): Iterable<Lane> {
    return this.#lanes.all()
  }

  /** How it stands now; for readiness and metrics, not for the way of a batch. */
  state(): ClusterState {
    const nowMs = this.#options.clock.monotonicMs()
    // The sweep looks for work while something is unsettled.
    const lookedMs = Math.max(this.#dispatchedMs, this.account.waitingSinceMs)
    const unlookedMs = this.#active.size === 0 ? 0 : nowMs - lookedMs - 2 * sweepMs
    return stateOf(this.account, this.#lanes.all(), nowMs, unlookedMs)
  }

  /** What became of its events since the last call; for one reader, because each call begins the next window. */
  takeReport(): ReportedCluster {
    const nowMs = this.#options.clock.monotonicMs()
    let oldestSinceMs = Number.POSITIVE_INFINITY
    for (const { sinceMs } of this.#inFlight) oldestSinceMs = Math.min(oldestSinceMs, sinceMs)
    for (const queue of this.#topics.values()) oldestSinceMs = Math.min(oldestSinceMs, queue.oldestSinceMs())
    const { clusterId } = this.#options
    const standing = standingOf(clusterId, this.account, this.#lanes.all(), nowMs, oldestSinceMs)
    return this.account.window.take(standing)
  }

  /** Learns the leaders of these topics before their first batch. */
  warm(topics: Iterable<string>): void {
    for (const topic of topics) {
      this.#keeper.metadata.want(topic)
      if (this.#keeper.metadata.topic(topic) === undefined) this.#keeper.askNow()
    }
  }

  /** Number of partitions, or `undefined` while the topic's metadata is not known. */
  partitionCount(topic: string): number | undefined {
    return this.#keeper.metadata.topic(topic)?.partitions.length
  }

  submit(batch: OutgoingBatch): void {
    const entry = new QueuedBatch(batch, this.#options.clock.monotonicMs())
    this.account.enter(entry)
    if (this.#closed) {
      this.#settle(entry, { kind: 'gave-up', at: 'close', maybeWritten: false })
      return
    }
    const queue = this.#queue(batch.topic)
    queue.add(entry)
    this.#active.add(queue)
    this.#schedule()
  }

  /** Resolves when everything submitted is settled, or at the deadline (monotonic); then gives up the rest and closes. */
  async drain(deadlineMs: number): Promise<void> {
    await this.idle(deadlineMs)
    this.close()
  }

  /** Resolves when nothing is unsettled here, or at the deadline (monotonic). */
  async idle(deadlineMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, Math.max(0, deadlineMs - this.#options.clock.monotonicMs()))
    this.account.onIdle(resolve)
    await promise
    clearTimeout(timer)
  }

  /** Gives up everything that is not settled, at once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#sweep)
    for (const lane of this.#lanes.all()) lane.close()
    for (const topic of this.#topics.values()) this.#giveUp(topic, 'close', () => true)
    this.#keeper.close()
  }

  wake(queue: TopicQueue): void {
    if (!queue.isEmpty) this.#active.add(queue)
    this.#schedule()
  }

  takeOver(queue: TopicQueue, entry: QueuedBatch): void {
    entry.sinceMs = this.#options.clock.monotonicMs()
    this.account.enter(entry)
    this.#tryAgain(queue, entry)
  }

  notCompressed(topic: string, error: unknown): void {
    this.#options.warn({ topic, err: error }, 'a batch could not be compressed and is sent as it is')
  }

  #queue(topic: string): TopicQueue {
    let queue = this.#topics.get(topic)
    if (queue === undefined) {
      queue = new TopicQueue(topic, this)
      this.#topics.set(topic, queue)
      this.#keeper.metadata.want(topic)
    }
    return queue
  }

  /** Once per turn of the loop, so that all batches of a turn share requests; not at all when nothing waits. */
  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#active.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#closed) return
      this.#dispatchedMs = this.#options.clock.monotonicMs()
      this.#dispatcher.dispatch(this.#active, this.#dispatchedMs)
    })
  }

  #send(assembly: Assembly): void {
    let sinceMs = Number.POSITIVE_INFINITY
    for (const { entry } of assembly.batches) {
      sinceMs = Math.min(sinceMs, entry.sinceMs)
      if (entry.maybeWritten) {
        entry.batch.resent()
        this.stats.resent += 1
      }
    }
    const parts = assembly.batches.map(({ entry, partition, bytes }) => ({
      topic: entry.batch.topic,
      partition,
      bytes,
    }))
    const { clock, moves } = this.#options
    const inFlight = { sinceMs }
    this.#inFlight.add(inFlight)
    const attempt = moves?.sent() ?? 0
    const sentMs = clock.monotonicMs()
    assembly.lane.send(parts, assembly.bytes, (answer) => {
      this.#inFlight.delete(inFlight)
      moves?.answered(attempt)
      this.#onAnswer(assembly, answer, clock.monotonicMs() - sentMs)
    })
  }

  #onAnswer(assembly: Assembly, answer: LaneAnswer, durationMs: number): void {
    const resultOf = resultFinder(answer.kind === 'answered' ? answer.results : [])
    const { broker } = assembly.lane
    if (answer.kind === 'answered') this.stats.answered(durationMs)
    else {
      this.stats.unanswered += 1
      const { clusterId, warn } = this.#options
      warn({ cluster: clusterId, broker, err: answer.error }, 'a produce request went unanswered')
      this.#keeper.askNow()
    }
    let acked = 0
    let failed = 0
    // Backwards, because a batch that is tried again goes to the head of its queue: so their order stays.
    for (let index = assembly.batches.length - 1; index >= 0; index -= 1) {
      const { queue, entry, partition } = assembly.batches[index] as AssembledBatch
      if (entry.batch.partition !== undefined) queue.partition(partition).busy = false
      if (!queue.isEmpty) this.#active.add(queue)
      const result = resultOf(entry.batch.topic, partition)
      if (result?.code === 0) acked += entry.records
      else failed += entry.records
      this.#onResult(queue, entry, result)
    }
    this.account.window.attempted(broker, acked, failed, durationMs)
    this.#schedule()
  }

  #onResult(queue: TopicQueue, entry: QueuedBatch, result: ProduceResult | undefined): void {
    const verdict = result === undefined ? 'ambiguous' : judgeProduceCode(result.code, entry.batch.acks)
    if (result !== undefined && verdict === 'acked') {
      this.#settle(entry, { kind: 'acked', partition: result.partition, baseOffset: result.baseOffset })
    } else if (result !== undefined && verdict === 'fatal') {
      this.#settle(entry, { kind: 'refused', code: result.code, detail: result.detail })
    } else {
      if (verdict === 'ambiguous') entry.maybeWritten = true
      if (result !== undefined) this.#holdBack(queue, result.code)
      this.#tryAgain(queue, entry)
    }
  }

  #holdBack(queue: TopicQueue, code: number): void {
    queue.notBeforeMs = this.#options.clock.monotonicMs() + retryRefusedMs
    setTimeout(() => this.#schedule(), retryRefusedMs + 1).unref()
    if (asksForMetadata(code)) this.#keeper.askNow()
  }

  #tryAgain(queue: TopicQueue, entry: QueuedBatch): void {
    const { maybeWritten } = entry
    if (this.#closed) this.#settle(entry, { kind: 'gave-up', at: 'close', maybeWritten })
    else if (entry.batch.deadlineMs <= this.#options.clock.monotonicMs()) {
      this.#settle(entry, { kind: 'gave-up', at: 'deadline', maybeWritten })
    } else {
      queue.putBack(entry)
      this.#active.add(queue)
    }
  }

  #settle(entry: QueuedBatch, outcome: BatchOutcome): void {
    if (outcome.kind === 'acked') this.account.acked(this.#options.clock.monotonicMs())
    else this.stats.failed += 1
    if (outcome.kind === 'gave-up') this.account.window.dropped(entry.records)
    entry.batch.settled(outcome)
    this.account.leave(entry)
  }

  #onSweep(): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (const queue of this.#topics.values()) {
      this.#giveUp(queue, 'deadline', (entry) => entry.batch.deadlineMs <= nowMs)
    }
    for (const lane of this.#lanes.all()) {
      lane.keepWarm(idleMs)
      // Others may lead by now, and nobody tells us. The trial must not go by old metadata: a broker that wakes up acknowledges what
      // it then truncates.
      if (lane.isDown && this.#keeper.metadata.leads(lane.broker)) this.#keeper.askNow()
    }
    if (this.account.unsettled > 0) this.#schedule()
  }

  #giveUp(queue: TopicQueue, at: 'deadline' | 'close', leaves: (entry: QueuedBatch) => boolean): void {
    for (const entry of queue.removeWhere(leaves)) {
      this.#settle(entry, { kind: 'gave-up', at, maybeWritten: entry.maybeWritten })
    }
  }
}
