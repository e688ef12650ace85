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
import { QueuedBatch } from './queued-batch.ts'
import { TopicQueue } from './topic-queue.ts'

export interface ClusterProducerOptions extends LaneSetOptions {
  readonly clusterId: string
  /** A request is sent when it has grown to this; a larger batch goes alone. */
  readonly requestBytes: number
  /** Unkeyed batches stay on a partition until this many bytes went there. */
  readonly stickyBytes: number
  /** Something a person should know: a broker that does not answer, a batch that was refused. */
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
  readonly draw?: () => number
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
 */
export class ClusterProducer {
  readonly stats = new ProduceStats()
  readonly #options: ClusterProducerOptions
  readonly #keeper: MetadataKeeper
  readonly #lanes: LaneSet
  readonly #dispatcher: Dispatcher
  readonly #topics = new Map<string, TopicQueue>()
  /** Those with something to send, least recently served first: a flooding topic must not keep the lanes to itself. */
  readonly #active = new Set<TopicQueue>()
  readonly #sweep: NodeJS.Timeout
  readonly #idleListeners: (() => void)[] = []
  #unsettled = 0
  /** Monotonic; when the first of what is unsettled now came, when something was acknowledged last, when work was looked for last. */
  #waitingSinceMs = 0
  #ackedMs = 0
  #dispatchedMs = 0
  #scheduled = false
  #closed = false

  constructor(options: ClusterProducerOptions) {
    this.#options = options
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
      onWithdrawn: () => this.#forget(),
      onReady: () => this.#schedule(),
      notCompressed: (topic, error) =>
        options.warn({ topic, err: error }, 'a batch could not be compressed and is sent as it is'),
    })
    this.#sweep = setInterval(() => this.#onSweep(), sweepMs)
    this.#sweep.unref()
  }

  /** Batches that are not settled yet, sent or not. */
  get unsettled(): number {
    return this.#unsettled
  }

  lanes(): Iterable<Lane> {
    return this.#lanes.all()
  }

  /** How it stands now; for readiness and metrics, not for the way of a batch. */
  state(): ClusterState {
    const nowMs = this.#options.clock.monotonicMs()
    const lanes = [...this.#lanes.all()]
    // The sweep looks for work while something is unsettled.
    const lookedMs = Math.max(this.#dispatchedMs, this.#waitingSinceMs)
    const unlookedMs = this.#active.size === 0 ? 0 : nowMs - lookedMs - 2 * sweepMs
    const states = lanes.map((lane) => lane.state())
    return {
      ackAgeMs:
        this.#unsettled === 0 ? null : Math.round(nowMs - Math.max(this.#ackedMs, this.#waitingSinceMs)),
      unsettledBatches: this.#unsettled,
      open: states.length > 0 && states.every(({ breaker }) => breaker === 'open'),
      overdueMs: Math.round(Math.max(0, unlookedMs, ...lanes.map((lane) => lane.overdueMs()))),
      lanes: states,
    }
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
    if (this.#unsettled === 0) this.#waitingSinceMs = this.#options.clock.monotonicMs()
    this.#unsettled += 1
    const entry = new QueuedBatch(batch)
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
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, Math.max(0, deadlineMs - this.#options.clock.monotonicMs()))
    this.#idleListeners.push(resolve)
    if (this.#unsettled === 0) resolve()
    await promise
    clearTimeout(timer)
    this.close()
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

  #queue(topic: string): TopicQueue {
    let queue = this.#topics.get(topic)
    if (queue === undefined) {
      queue = new TopicQueue(topic)
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
    for (const { entry } of assembly.batches) {
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
    const sentMs = this.#options.clock.monotonicMs()
    assembly.lane.send(parts, assembly.bytes, (answer) => {
      if (answer.kind === 'answered') this.stats.answered(this.#options.clock.monotonicMs() - sentMs)
      this.#onAnswer(assembly, answer)
    })
  }

  #onAnswer(assembly: Assembly, answer: LaneAnswer): void {
    const resultOf = resultFinder(answer.kind === 'answered' ? answer.results : [])
    if (answer.kind === 'unanswered') {
      this.stats.unanswered += 1
      const { clusterId, warn } = this.#options
      warn(
        { cluster: clusterId, broker: assembly.lane.broker, err: answer.error },
        'a produce request went unanswered',
      )
      this.#keeper.askNow()
    }
    // Backwards, because a batch that is tried again goes to the head of its queue: so their order stays.
    for (let index = assembly.batches.length - 1; index >= 0; index -= 1) {
      const { entry, partition } = assembly.batches[index] as AssembledBatch
      const queue = this.#queue(entry.batch.topic)
      if (entry.batch.partition !== undefined) queue.partition(partition).busy = false
      if (!queue.isEmpty) this.#active.add(queue)
      this.#onResult(queue, entry, resultOf(entry.batch.topic, partition))
    }
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
    if (outcome.kind === 'acked') {
      this.stats.acked += 1
      this.#ackedMs = this.#options.clock.monotonicMs()
    } else this.stats.failed += 1
    entry.batch.settled(outcome)
    this.#forget()
  }

  #forget(): void {
    this.#unsettled -= 1
    if (this.#unsettled === 0) for (const listener of this.#idleListeners.splice(0)) listener()
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
    if (this.#unsettled > 0) this.#schedule()
  }

  #giveUp(queue: TopicQueue, at: 'deadline' | 'close', leaves: (entry: QueuedBatch) => boolean): void {
    for (const entry of queue.removeWhere(leaves)) {
      this.#settle(entry, { kind: 'gave-up', at, maybeWritten: entry.maybeWritten })
    }
  }
}
