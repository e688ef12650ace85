import { restampBatch } from '../../kafka/record-batch-edit.ts'
import type { EventBatch } from './event-batch.ts'

export interface RefusedBatchActions {
  readonly wallMs: number
  readonly resubmit: (batch: EventBatch) => void
  readonly charge: (bytes: number) => void
  readonly giveBack: (bytes: number) => void
  /** Counts its events as refused by the broker, and gives its memory back. */
  readonly refuse: (batch: EventBatch) => void
}

const invalidTimestamp = 32
/** MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_RECORD: one record may be to blame. */
const perRecord = new Set([10, 18, 87])

/**
 * A broker refuses a batch as a whole for one bad record: it is halved until the bad one stands alone, and a refused time stamp is
 * replaced (semantics "Records"). Everything else is refused for good.
 */
export function settleRefused(batch: EventBatch, code: number, actions: RefusedBatchActions): void {
  if (code === invalidTimestamp && batch.markRestamped()) {
    restampBatch(batch.bytes, actions.wallMs)
    actions.resubmit(batch)
    return
  }
  if (!perRecord.has(code) || batch.records < 2) {
    actions.refuse(batch)
    return
  }
  const half = batch.records >> 1
  const ranges = [
    [0, half],
    [half, batch.records],
  ] as const
  for (const [from, to] of ranges) {
    const part = batch.part(from, to, () => actions.giveBack(part.allocatedBytes))
    actions.charge(part.allocatedBytes)
    actions.resubmit(part)
  }
  batch.release()
}
