import type { CompressionName } from '../core/placement.ts'

/** acks=1: the leader has it. acks=-1: every in-sync replica has it. */
export type Acks = 1 | -1

export type BatchOutcome =
  | { readonly kind: 'acked'; readonly partition: number; readonly baseOffset: bigint }
  /** The broker will never take it as it is; nothing was written. `code` is Kafka's error code. */
  | { readonly kind: 'refused'; readonly code: number; readonly detail: string }
  /** Given up at its deadline, or when the producer closed. */
  | { readonly kind: 'gave-up'; readonly at: 'deadline' | 'close'; readonly maybeWritten: boolean }

/**
 * One whole RecordBatch v2 on its way to a cluster. The producer owns the bytes from `submit` until it calls `settled`, once; then the
 * owner may reuse them.
 */
export interface OutgoingBatch {
  readonly topic: string
  /** Fixed for keyed records and for pass-through; `undefined` = the producer chooses, and may choose again when it re-sends. */
  readonly partition: number | undefined
  readonly acks: Acks
  /** Compressed by the producer right before the first attempt; `none` also for bytes that are compressed already. */
  readonly compression: CompressionName
  /** baseOffset 0, CRC done (record batch v2, KIP-98). Asked for once, at the first attempt; `undefined` = withdrawn, forget it. */
  take(): Buffer | undefined
  readonly records: number
  /** `Clock.monotonicMs` at which it is given up. */
  readonly deadlineMs: number
  /** Called right before an attempt that follows one that may have been written: its records may become duplicates. */
  resent(): void
  settled(outcome: BatchOutcome): void
}
