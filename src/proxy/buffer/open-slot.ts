import type { CompressionName } from '../../core/placement.ts'
import type { StagedEvents } from '../../core/record.ts'
import type { Acks } from '../../kafka/outgoing-batch.ts'
import { type BufferSource, RecordBatchBuilder, type RecordFrame } from '../../kafka/record-batch-builder.ts'
import type { AckTally, Segment } from './ack-tally.ts'
import { growthBound } from './memory-budget.ts'

export interface SlotSettings {
  readonly acks: Acks
  readonly compression: CompressionName
}

export function sameSettings(a: SlotSettings, b: SlotSettings): boolean {
  return a.acks === b.acks && a.compression === b.compression
}

/** A batch that still takes events. */
export class OpenBatch {
  readonly builder: RecordBatchBuilder
  readonly settings: SlotSettings
  /** Monotonic. */
  readonly openedMs: number
  readonly segments: Segment[] = []

  constructor(source: BufferSource, capacityBytes: number, settings: SlotSettings, openedMs: number) {
    this.builder = new RecordBatchBuilder(source, capacityBytes)
    this.settings = settings
    this.openedMs = openedMs
  }

  /** Like `RecordBatchBuilder.append`; notes which records are the tally's. */
  append(
    events: StagedEvents,
    frame: RecordFrame,
    from: number,
    limitBytes: number,
    tally: AckTally | undefined,
  ): number {
    const first = this.builder.count
    const next = this.builder.append(events, frame, from, limitBytes)
    if (tally !== undefined && this.builder.count > first) {
      const segment = { tally, from: first, to: this.builder.count, withdrawn: false }
      this.segments.push(segment)
      tally.track(segment)
    }
    return next
  }
}

/** Where events of one topic are gathered; those with a key, per partition. */
export class OpenSlot {
  readonly topic: string
  readonly partition: number | undefined
  open: OpenBatch | undefined
  /** Sealed batches that the producer has not asked for yet. */
  unsent = 0
  /** It lingered enough, and is sealed as soon as nothing before it is unsent: so an outage fills batches instead of making small ones. */
  overdue = false
  /** What the next batch starts with, so that a busy topic's batch does not grow by copying. */
  lastCapacityBytes = 0

  constructor(topic: string, partition: number | undefined) {
    this.topic = topic
    this.partition = partition
  }

  /**
   * Upper bound of the memory that `bytes` more of encoded events take here beyond what the open batch has: nothing while they fit into
   * it. What does not, or would make it longer than `batchBytes`, opens another one; and a batch may double for a single event.
   */
  growthBound(bytes: number, batchBytes: number): number {
    if (this.open === undefined) return growthBound(bytes)
    const { length, capacityBytes } = this.open.builder
    if (length + bytes <= Math.min(capacityBytes, batchBytes)) return 0
    return Math.max(0, growthBound(length + bytes) - capacityBytes)
  }
}
