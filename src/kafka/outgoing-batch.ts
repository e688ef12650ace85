import type { DropReason } from '../core/outcome.ts'

/** acks=1: the leader has it. acks=-1: every in-sync replica has it. */
export type Acks = 1 | -1

export type BatchOutcome =
  | { readonly kind: 'acked'; readonly partition: number; readonly baseOffset: bigint }
  | { readonly kind: 'dropped'; readonly reason: DropReason; readonly detail: string }

/**
 * One whole RecordBatch v2 on its way to a cluster. The producer owns `bytes` from `submit` until it calls `settled`, once; then the
 * owner may reuse them.
 */
export interface OutgoingBatch {
  readonly topic: string
  /** Fixed for keyed records and for pass-through; `undefined` = the producer chooses, and may choose again when it re-sends. */
  readonly partition: number | undefined
  readonly acks: Acks
  /** baseOffset 0, CRC done (KIP-98 record batch format). */
  readonly bytes: Buffer
  readonly records: number
  /** `Clock.monotonicMs` at which it is given up as `expired`. */
  readonly deadlineMs: number
  /** Called when an attempt may or may not have been written and the batch goes out again. */
  resent(): void
  settled(outcome: BatchOutcome): void
}
