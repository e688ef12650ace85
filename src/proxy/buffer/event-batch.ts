import type { CompressionName } from '../../core/placement.ts'
import type { Acks, BatchOutcome, OutgoingBatch } from '../../kafka/outgoing-batch.ts'
import { pickRecords } from '../../kafka/record-batch-edit.ts'
import type { Segment } from './ack-tally.ts'

export interface EventBatchParts {
  readonly topic: string
  readonly partition: number | undefined
  readonly acks: Acks
  readonly compression: CompressionName
  /** A whole uncompressed record batch. */
  readonly bytes: Buffer
  readonly records: number
  readonly deadlineMs: number
  /** Durable topics: whose records these are, in order, without gaps. */
  readonly segments: readonly Segment[]
  /** Gives the memory behind `bytes` back; called once, by the owner. */
  readonly release: () => void
}

export interface EventBatchOwner {
  /** The producer asked for the bytes: from now on the events may be written. */
  onTaken(batch: EventBatch): void
  onResent(batch: EventBatch): void
  onSettled(batch: EventBatch, outcome: BatchOutcome): void
}

/** A sealed batch of events between the buffer and the producer. */
export class EventBatch implements OutgoingBatch {
  readonly topic: string
  readonly partition: number | undefined
  readonly acks: Acks
  readonly compression: CompressionName
  readonly deadlineMs: number
  readonly release: () => void
  readonly #owner: EventBatchOwner
  #segments: readonly Segment[]
  #bytes: Buffer
  #records: number
  #restamped = false
  #taken = false

  constructor(parts: EventBatchParts, owner: EventBatchOwner) {
    this.topic = parts.topic
    this.partition = parts.partition
    this.acks = parts.acks
    this.compression = parts.compression
    this.deadlineMs = parts.deadlineMs
    this.release = parts.release
    this.#segments = parts.segments
    this.#bytes = parts.bytes
    this.#records = parts.records
    this.#owner = owner
  }

  /** Events in it that were not withdrawn. */
  get records(): number {
    let withdrawn = 0
    for (const segment of this.#segments) if (segment.withdrawn) withdrawn += segment.to - segment.from
    return this.#records - withdrawn
  }

  get bytes(): Buffer {
    return this.#bytes
  }

  /** The producer asked for the bytes. */
  get taken(): boolean {
    return this.#taken
  }

  /** Memory behind `bytes` of a part, which is not pooled. */
  get allocatedBytes(): number {
    return this.#bytes.buffer.byteLength
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** It goes out once more with a new time stamp. True the first time: once is enough. */
  markRestamped(): boolean {
    const first = !this.#restamped
    this.#restamped = true
    this.#taken = false
    return first
  }

  take(): Buffer | undefined {
    for (const segment of this.#segments) segment.tally.untrack(segment)
    if (this.#segments.some((segment) => segment.withdrawn)) this.#removeWithdrawn()
    const bytes = this.#records === 0 ? undefined : this.#bytes
    this.#taken = true
    this.#owner.onTaken(this)
    return bytes
  }

  resent(): void {
    this.#owner.onResent(this)
  }

  settled(outcome: BatchOutcome): void {
    this.#owner.onSettled(this, outcome)
  }

  /** The records `from` to `to` as a batch of their own, with memory of its own; for finding the one that a broker refuses. */
  part(from: number, to: number, release: () => void): EventBatch {
    const bytes = pickRecords(this.#bytes, (index) => index >= from && index < to)
    if (bytes === undefined)
      throw new RangeError(`no records ${from} to ${to} in a batch of ${this.#records}`)
    const segments = this.#segments
      .map((segment) => ({
        ...segment,
        from: Math.max(segment.from, from) - from,
        to: Math.min(segment.to, to) - from,
      }))
      .filter((segment) => segment.from < segment.to)
    const { topic, partition, acks, compression, deadlineMs } = this
    return new EventBatch(
      { topic, partition, acks, compression, deadlineMs, bytes, records: to - from, segments, release },
      this.#owner,
    )
  }

  #removeWithdrawn(): void {
    const gone = this.#segments.filter((segment) => segment.withdrawn)
    const isLive = (index: number) => !gone.some((segment) => index >= segment.from && index < segment.to)
    this.#bytes = pickRecords(this.#bytes, isLive) ?? this.#bytes
    this.#segments = this.#segments.filter((segment) => !segment.withdrawn)
    this.#records = 0
    for (const segment of this.#segments) {
      const events = segment.to - segment.from
      segment.from = this.#records
      this.#records += events
      segment.to = this.#records
    }
  }
}
