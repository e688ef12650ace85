import type { ReportedCluster } from '../core/proxy-report.ts'
import { type AssembledBatch, type Assembly, resultFinder } from './assembly.ts'
import type { RefreshResult } from './cluster-metadata.ts'
import { ClusterReach } from './cluster-reach.ts'
import type { ClusterState } from './cluster-state.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Lane, LaneAnswer } from './lane.ts'
import { LaneSet } from './lane-set.ts'
import { LeaderLanes } from './leader-lanes.ts'
import { MetadataKeeper } from './metadata-keeper.ts'
import type { Acks, OutgoingBatch } from './outgoing-batch.ts'
import { asksForMetadata, hasNoPlace, judgeProduceCode } from './produce-errors.ts'
import type { ProduceResult } from './produce-request.ts'
import { ProduceStats } from './produce-stats.ts'
import { ProducerAccount } from './producer-account.ts'
import type { ClusterProducerOptions } from './producer-options.ts'
import { standingOf, stateOf } from './producer-standing.ts'
import { ProducerTopics } from './producer-topics.ts'
import { QueuedBatch } from './queued-batch.ts'
import type { QueueHome, TopicQueue } from './topic-queue.ts'

const sweepMs = 250
const retryRefusedMs = 100
const firstAskPauseMs = 300
const longestAskPauseMs = 30_000

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
  readonly #reach: ClusterReach
  readonly #keeper: MetadataKeeper
  readonly #lanes: LaneSet
  readonly #topics: ProducerTopics
  readonly #dispatcher: Dispatcher
  /** Of each request in flight, when the longest waiting of its batches came (monotonic). */
  readonly #inFlight = new Set<{ readonly sinceMs: number }>()
  readonly #sweep: NodeJS.Timeout
  #warmAcks: Iterable<Acks> = []
  #dispatchedMs = 0
  #scheduled = false
  #closed = false

  constructor(options: ClusterProducerOptions) {
    this.#options = options
    this.account = new ProducerAccount(options.stats ?? new ProduceStats(), options.clock)
    this.#reach = new ClusterReach({
      ...options,
      meaning: 'what is to be sent to it waits',
      look: () => this.#keeper.askNow(),
    })
    this.#keeper = new MetadataKeeper({
      ...options,
      onPart: () => this.#schedule(),
      onFresh: (result) => this.#onFresh(result),
      onFailure: (error) => this.#reach.silent(error),
      retryMs: (failures) => askPauseMs(failures, this.account.unsettled > 0),
    })
    this.#lanes = new LaneSet(options, this.#keeper.metadata, () => this.#schedule())
    this.#topics = new ProducerTopics(this, this.account, this.#keeper.metadata)
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
    const unlookedMs = this.#topics.active.size === 0 ? 0 : nowMs - lookedMs - 2 * sweepMs
    return stateOf(this.account, this.#lanes.all(), nowMs, unlookedMs)
  }

  /** What became of its events since the last call; for one reader, because each call begins the next window. */
  takeReport(): ReportedCluster {
    const { clusterId, clock } = this.#options
    let oldestMs = this.#topics.oldestSinceMs()
    for (const { sinceMs } of this.#inFlight) oldestMs = Math.min(oldestMs, sinceMs)
    const nowMs = clock.monotonicMs()
    return this.account.window.take(standingOf(clusterId, this.account, this.#lanes.all(), nowMs, oldestMs))
  }

  /** From now on a connection to each broker is made and kept for these classes, as far as the brokers answer. */
  keepConnected(acks: Iterable<Acks>): void {
    this.#warmAcks = acks
    if (this.#keeper.metadata.aliveBrokers().length === 0) this.#reach.suspect()
  }

  /** Other addresses to find the cluster by. */
  reach(bootstrap: readonly string[]): void {
    this.#keeper.metadata.reach(bootstrap)
  }

  /** Learns the leaders of these topics before their first batch. */
  warm(topics: Iterable<string>): void {
    const { metadata } = this.#keeper
    let isUnknown = false
    for (const topic of topics) {
      metadata.want(topic)
      isUnknown ||= metadata.topic(topic) === undefined
    }
    if (isUnknown) this.#keeper.askNow()
  }

  /** Number of partitions, or `undefined` while the topic's metadata is not known. */
  partitionCount(topic: string): number | undefined {
    return this.#keeper.metadata.topic(topic)?.partitions.length
  }

  submit(batch: OutgoingBatch): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (this.#closed) {
      const entry = new QueuedBatch(batch, nowMs)
      this.account.enter(entry)
      this.account.settle(entry, { kind: 'gave-up', at: 'close', maybeWritten: false })
      return
    }
    this.#topics.add(batch, nowMs)
    this.#schedule()
  }

  /**
   * Gives up the topic for another cluster: its queue with everything that is not in flight, or `undefined` when there is none. Nothing
   * of it is asked for or sent here afterwards.
   */
  release(topic: string): TopicQueue | undefined {
    const released = this.#topics.release(topic)
    if (released !== undefined && released.events > 0) this.#options.moved?.(topic, released.events)
    return released?.queue
  }

  /** Takes a topic that another cluster's producer has released. */
  adopt(queue: TopicQueue): void {
    this.#topics.adopt(queue, this.#options.clock.monotonicMs())
    if (this.#closed) this.#topics.giveUpAll()
    this.wake(queue)
  }

  /** Nothing of the topic is waited for here. */
  isIdle(topic: string): boolean {
    return this.#topics.get(topic)?.isIdle ?? true
  }

  /** The placement was confirmed: what was refused before `askedMs` (monotonic) is refused for good, and what is held may go. */
  confirmed(topic: string, askedMs: number): void {
    const queue = this.#topics.get(topic)
    if (queue === undefined) return
    this.#topics.confirm(queue, askedMs)
    this.wake(queue)
  }

  /** The topic is on no cluster any more: what is not in flight is refused. */
  abandon(topic: string, code: number, detail: string): void {
    this.#topics.abandon(topic, code, detail)
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
    this.#topics.giveUpAll()
    this.#keeper.close()
  }

  wake(queue: TopicQueue): void {
    if (!queue.isEmpty) this.#topics.active.add(queue)
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

  /** Once per turn of the loop, so that all batches of a turn share requests; not at all when nothing waits. */
  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#topics.active.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#closed) return
      this.#dispatchedMs = this.#options.clock.monotonicMs()
      this.#dispatcher.dispatch(this.#topics.active, this.#dispatchedMs)
    })
  }

  #send(assembly: Assembly): void {
    let sinceMs = Number.POSITIVE_INFINITY
    for (const { queue, entry } of assembly.batches) {
      queue.inFlight += 1
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
    const { clock, attempts } = this.#options
    const inFlight = { sinceMs }
    this.#inFlight.add(inFlight)
    const attempt = attempts?.sent() ?? 0
    const sentMs = clock.monotonicMs()
    assembly.lane.send(parts, assembly.bytes, (answer) => {
      this.#inFlight.delete(inFlight)
      attempts?.answered(attempt)
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
      queue.inFlight -= 1
      if (entry.batch.partition !== undefined) queue.partition(partition).busy = false
      const result = resultOf(entry.batch.topic, partition)
      if (result?.code === 0) acked += entry.records
      else failed += entry.records
      this.#onResult(queue, entry, result)
      queue.home.wake(queue)
    }
    this.account.window.attempted(broker, acked, failed, durationMs)
    this.#schedule()
  }

  #onResult(queue: TopicQueue, entry: QueuedBatch, result: ProduceResult | undefined): void {
    const verdict = result === undefined ? 'ambiguous' : judgeProduceCode(result.code, entry.batch.acks)
    if (verdict === 'ambiguous') entry.maybeWritten = true
    if (result === undefined) this.#tryAgain(queue, entry)
    else if (verdict === 'acked') {
      const { partition, baseOffset } = result
      this.account.settle(entry, { kind: 'acked', partition, baseOffset })
    } else if (queue.home !== this) this.#tryAgain(queue, entry)
    else if (verdict === 'fatal') this.#refused(queue, entry, result)
    else {
      this.#holdBack(queue, result.code)
      this.#tryAgain(queue, entry)
    }
  }

  /** A refusal under an old placement is no outcome. */
  #refused(queue: TopicQueue, entry: QueuedBatch, { code, detail }: ProduceResult): void {
    const { doubt, clock } = this.#options
    if (doubt === undefined || this.#closed || !hasNoPlace(code)) {
      this.account.settle(entry, { kind: 'refused', code, detail })
      return
    }
    queue.park({ entry, code, detail, refusedMs: clock.monotonicMs() })
    doubt(queue.topic)
  }

  #holdBack(queue: TopicQueue, code: number): void {
    queue.notBeforeMs = this.#options.clock.monotonicMs() + retryRefusedMs
    setTimeout(() => this.#schedule(), retryRefusedMs + 1).unref()
    if (asksForMetadata(code)) this.#keeper.askNow()
    if (hasNoPlace(code)) this.#options.doubt?.(queue.topic)
  }

  #tryAgain(queue: TopicQueue, entry: QueuedBatch): void {
    const { maybeWritten } = entry
    if (this.#closed) this.account.settle(entry, { kind: 'gave-up', at: 'close', maybeWritten })
    else if (entry.batch.deadlineMs <= this.#options.clock.monotonicMs()) {
      this.account.settle(entry, { kind: 'gave-up', at: 'deadline', maybeWritten })
    } else if (queue.home === this) queue.putBack(entry)
    else {
      this.stats.moved += 1
      this.#options.moved?.(queue.topic, entry.records)
      this.account.leave(entry)
      queue.home.takeOver(queue, entry)
    }
  }

  #onSweep(): void {
    this.#topics.expire(this.#options.clock.monotonicMs())
    this.#lanes.keepWarm(this.#warmAcks)
    for (const lane of this.#lanes.all()) {
      // Others may lead by now, and nobody tells us. The trial must not go by old metadata: a broker that wakes up acknowledges what
      // it then truncates.
      if (lane.isDown && this.#keeper.metadata.leads(lane.broker)) this.#keeper.askNow()
    }
    if (this.account.unsettled > 0) this.#schedule()
  }

  #onFresh({ remade, missing }: RefreshResult): void {
    this.#reach.answered()
    for (const topic of remade) this.#onRemade(topic)
    for (const topic of missing) {
      if (this.#topics.get(topic)?.isEmpty === false) this.#options.doubt?.(topic)
    }
    this.#schedule()
  }

  /** Somebody deleted a topic and made it anew: is it still ours? */
  #onRemade(topic: string): void {
    const { clusterId, clock, doubt, warn } = this.#options
    warn({ cluster: clusterId, topic }, 'a topic was deleted and made anew')
    this.stats.remadeTopics += 1
    const queue = this.#topics.get(topic)
    if (queue === undefined || doubt === undefined) return
    queue.heldSinceMs = clock.monotonicMs()
    doubt(topic)
  }
}

/** Before the brokers are asked again: ever longer while nothing waits for them, with jitter where many proxies would ask in step. */
function askPauseMs(failures: number, isWaitedFor: boolean): number {
  if (isWaitedFor) return firstAskPauseMs
  const longestMs = Math.min(longestAskPauseMs, firstAskPauseMs * 2 ** Math.min(failures, 10))
  return longestMs * (0.5 + Math.random() / 2)
}
