import type { Clock } from '../../core/clock.ts'
import type { Ledger, TopicCounts } from '../../core/outcome.ts'
import type { TopicPlacement } from '../../core/placement.ts'
import type { StagedEvents } from '../../core/record.ts'
import { partitionForKey } from '../../kafka/key-partition.ts'
import type { BatchOutcome, OutgoingBatch } from '../../kafka/outgoing-batch.ts'
import { type BufferSource, maxEncodedBytes } from '../../kafka/record-batch-builder.ts'
import { AckTally } from './ack-tally.ts'
import { DrainRate } from './drain-rate.ts'
import { EventBatch, type EventBatchOwner } from './event-batch.ts'
import { LingerQueue } from './linger-queue.ts'
import { growthBound, MemoryBudget } from './memory-budget.ts'
import { OpenBatch, OpenSlot, sameSettings } from './open-slot.ts'
import { settleRefused } from './refused-batch.ts'
import { encodeRequestFrame } from './request-frame.ts'
import { SharedLimit } from './shared-limit.ts'

export interface EventBufferOptions {
  readonly limitBytes: number
  /** Records from accept to outcome; 0 or absent = one for each `bytesPerRecord` of the limit. */
  readonly maxBufferRecords?: number
  readonly batchBytes: number
  readonly lingerMs: number
  readonly deliveryTimeoutMs: number
  readonly clock: Clock
  readonly ledger: Ledger
  /** Hands a sealed batch to the producer of the topic's cluster as it is placed now. */
  readonly submit: (batch: OutgoingBatch) => void
}

interface TopicBuffer {
  readonly counts: TopicCounts
  readonly source: BufferSource
  /** By partition; the unkeyed one under `undefined`. */
  readonly slots: Map<number | undefined, OpenSlot>
}

/** Freed batch memory kept for reuse: belongs to the fixed part of a process's memory, not to the cap. */
const poolBytes = 16 * 2 ** 20
/**
 * A record takes 9 bytes and more of batch memory, so the byte limit alone would let tens of millions of tiny ones in, which a cluster
 * takes long to take, while every other event waits behind them. Larger records than this meet the byte limit first.
 */
const bytesPerRecord = 64
/** What the smallest share in bytes holds of such records. */
const smallestShareRecords = 2 ** 20 / bytesPerRecord

/**
 * The bounded buffer: takes the events of one request as a whole or refuses, never waits. Gathers them in one open batch per topic
 * (those with a key: per partition), seals it when it is full or has lingered, and keeps the ledger from accept to outcome.
 */
export class EventBuffer implements EventBatchOwner {
  readonly budget: MemoryBudget
  /** From accept to outcome, as the ledger counts them in flight. */
  readonly records: SharedLimit
  readonly #options: EventBufferOptions
  readonly #topics = new Map<string, TopicBuffer>()
  readonly #linger: LingerQueue<OpenSlot>
  readonly #drainRate: DrainRate

  constructor(options: EventBufferOptions) {
    this.#options = options
    this.budget = new MemoryBudget({ limitBytes: options.limitBytes, poolBytes })
    const limitRecords = options.maxBufferRecords || Math.ceil(options.limitBytes / bytesPerRecord)
    this.records = new SharedLimit({ limit: limitRecords, smallestShare: smallestShareRecords })
    this.#linger = new LingerQueue(options.lingerMs, (slot) => this.#onLingered(slot))
    this.#drainRate = new DrainRate(options.clock)
  }

  get usedBytes(): number {
    return this.budget.usedBytes
  }

  get limitBytes(): number {
    return this.budget.limitBytes
  }

  /** A new placement: what a topic holds counts for its present cluster. */
  place(clusterOf: ReadonlyMap<string, string>): void {
    this.budget.bytes.place(clusterOf)
    this.records.place(clusterOf)
  }

  /** Room for a body before it is read; whoever got `ok` gives it back with `release`. `too-large` = it could never fit. */
  tryReserve(placement: TopicPlacement, bytes: number): 'ok' | 'full' | 'too-large' {
    if (bytes + growthBound(bytes) > this.limitBytes) return 'too-large'
    if (!this.budget.hasRoom(placement.topic, bytes)) return 'full'
    this.budget.charge(placement.topic, bytes)
    return 'ok'
  }

  release(placement: TopicPlacement, bytes: number): void {
    this.budget.release(placement.topic, bytes)
  }

  /** All events of a request to a fast topic, or none. Copies them during the call. `too-large` = they could never fit. */
  offer(placement: TopicPlacement, events: StagedEvents): 'ok' | 'full' | 'too-large' {
    return this.#offer(placement, events, undefined)
  }

  /** The same for a durable topic; the tally says what becomes of them. */
  offerDurable(placement: TopicPlacement, events: StagedEvents): AckTally | 'full' | 'too-large' {
    const tally = new AckTally(events.count)
    const answer = this.#offer(placement, events, tally)
    return answer === 'ok' ? tally : answer
  }

  /** Those of the tally's events that the producer has not asked for become rejected{ack-timeout}; the others stay unknown. */
  withdraw(placement: TopicPlacement, tally: AckTally): void {
    const withdrawn = tally.withdraw()
    this.#options.ledger.reject(this.#topic(placement.topic).counts, 'ack-timeout', withdrawn)
    this.records.remove(placement.topic, withdrawn)
  }

  /** Whole seconds until about what is buffered now has gone, 1 to 60. */
  retryAfterSeconds(): number {
    return this.#drainRate.secondsFor(this.usedBytes)
  }

  /** Seals every open batch now, however empty. */
  flush(): void {
    for (const topic of this.#topics.values()) {
      for (const slot of topic.slots.values()) this.#seal(slot)
    }
  }

  onTaken(batch: EventBatch): void {
    this.#leaveSlot(batch)
    if (batch.records === 0) batch.release()
  }

  onResent(batch: EventBatch): void {
    this.#options.ledger.resend(this.#topic(batch.topic).counts, batch.records)
  }

  onSettled(batch: EventBatch, outcome: BatchOutcome): void {
    const { counts } = this.#topic(batch.topic)
    if (outcome.kind === 'refused') this.#onRefused(batch, outcome.code)
    else if (outcome.kind === 'acked') {
      this.#drainRate.add(batch.bytes.length)
      this.#options.ledger.deliver(counts, batch.records)
      this.records.remove(batch.topic, batch.records)
      for (const { tally, from, to } of batch.segments) tally.deliver(to - from)
      batch.release()
    } else {
      if (!batch.taken) this.#leaveSlot(batch)
      const unwritten = outcome.at === 'close' ? 'shutdown' : 'expired'
      this.#options.ledger.drop(counts, outcome.maybeWritten ? 'ambiguous' : unwritten, batch.records)
      this.records.remove(batch.topic, batch.records)
      for (const segment of batch.segments) {
        segment.tally.untrack(segment)
        if (!outcome.maybeWritten && !segment.withdrawn) segment.tally.fail(segment.to - segment.from)
      }
      batch.release()
    }
  }

  #onRefused(batch: EventBatch, code: number): void {
    const { ledger, clock } = this.#options
    const { counts } = this.#topic(batch.topic)
    settleRefused(batch, code, {
      wallMs: clock.wallMs(),
      resubmit: (again) => this.#submit(again),
      charge: (bytes) => this.budget.charge(batch.topic, bytes),
      giveBack: (bytes) => this.budget.release(batch.topic, bytes),
      refuse: (refused) => {
        // The client of a durable topic is told, so its events are rejected; the one of a fast topic was told 202.
        if (refused.acks === -1) ledger.reject(counts, 'broker-refused', refused.records)
        else ledger.drop(counts, 'broker-refused', refused.records)
        this.records.remove(refused.topic, refused.records)
        for (const { tally, from, to } of refused.segments) tally.refuse(to - from)
        refused.release()
      },
    })
  }

  #offer(
    placement: TopicPlacement,
    events: StagedEvents,
    tally: AckTally | undefined,
  ): 'ok' | 'full' | 'too-large' {
    const frame = encodeRequestFrame(placement, events)
    const neededBytes = maxEncodedBytes(frame, events.count, events.body.length)
    if (growthBound(neededBytes) > this.limitBytes || events.count > this.records.limit) return 'too-large'
    const partition = events.key === undefined ? undefined : partitionForKey(events.key, placement.partitions)
    const slot = this.#slot(placement.topic, partition)
    const { batchBytes, clock, ledger } = this.#options
    const settings = {
      acks: placement.delivery === 'durable' ? -1 : 1,
      compression: placement.compression,
    } as const
    // The topic's settings changed: what is gathered under the old ones goes out under them, before room for another batch is looked for.
    if (slot.open !== undefined && !sameSettings(slot.open.settings, settings)) this.#seal(slot)
    if (!this.budget.hasRoom(placement.topic, slot.growthBound(neededBytes, batchBytes))) return 'full'
    if (!this.records.hasRoom(placement.topic, events.count)) return 'full'
    const { counts, source } = this.#topic(placement.topic)
    ledger.accept(counts, events.count)
    this.records.add(placement.topic, events.count)
    for (let index = 0; index < events.count; ) {
      if (slot.open === undefined) {
        const startBytes = this.#startBytes(neededBytes, slot)
        slot.open = new OpenBatch(source, startBytes, settings, clock.monotonicMs())
        this.#linger.add(slot)
      }
      index = slot.open.append(events, frame, index, batchBytes, tally)
      if (index < events.count || slot.open.builder.length >= batchBytes) this.#seal(slot)
    }
    return 'ok'
  }

  /** A batch may begin with more memory than its first events need while there is plenty: nothing that is promised depends on it. */
  #startBytes(neededBytes: number, slot: OpenSlot): number {
    const { batchBytes } = this.#options
    const isRoomy = 2 * (this.usedBytes + 2 * batchBytes) <= this.limitBytes
    return Math.min(isRoomy ? Math.max(neededBytes, slot.lastCapacityBytes) : neededBytes, batchBytes)
  }

  #onLingered(slot: OpenSlot): void {
    // It may have been sealed full meanwhile, and the one that is open now lingers since then: sealing that early does no harm.
    if (slot.unsent === 0) this.#seal(slot)
    else slot.overdue = true
  }

  #seal(slot: OpenSlot): void {
    const { open, topic, partition } = slot
    if (open === undefined) return
    slot.open = undefined
    slot.overdue = false
    const { buffer, bytes } = open.builder.seal()
    slot.lastCapacityBytes = buffer.length
    const { source } = this.#topic(topic)
    const { acks, compression } = open.settings
    this.#submit(
      new EventBatch(
        {
          topic,
          partition,
          acks,
          compression,
          bytes,
          records: open.builder.count,
          deadlineMs: open.openedMs + this.#options.deliveryTimeoutMs,
          segments: open.segments,
          release: () => source.give(buffer),
        },
        this,
      ),
    )
  }

  #leaveSlot(batch: EventBatch): void {
    const slot = this.#slot(batch.topic, batch.partition)
    slot.unsent -= 1
    if (slot.overdue && slot.unsent === 0) this.#seal(slot)
  }

  #submit(batch: EventBatch): void {
    this.#slot(batch.topic, batch.partition).unsent += 1
    this.#options.submit(batch)
  }

  #topic(name: string): TopicBuffer {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      topic = {
        counts: this.#options.ledger.topic(name),
        source: this.budget.sourceFor(name),
        slots: new Map(),
      }
      this.#topics.set(name, topic)
    }
    return topic
  }

  #slot(topic: string, partition: number | undefined): OpenSlot {
    const { slots } = this.#topic(topic)
    let slot = slots.get(partition)
    if (slot === undefined) {
      slot = new OpenSlot(topic, partition)
      slots.set(partition, slot)
    }
    return slot
  }
}
