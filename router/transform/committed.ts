import {
  isAbortMarker,
  isControl,
  isTransactional,
  type RecordBatch,
} from '../../src/kafka/record-batch-reader.ts'

/** One entry of `abortedTransactions` of a fetch answer. */
export interface AbortedTransaction {
  readonly producerId: bigint
  /** Offset of its first record. */
  readonly firstOffset: number
}

/**
 * The batches that a reader of committed records may see: a broker asked for read_committed returns the records of aborted transactions
 * and the markers too, with a list of what was aborted (KIP-98, as Kafka's CompletedFetch reads it). `batches` and `aborted` are those
 * of one partition in one fetch answer, in order.
 */
export function committedBatches(
  batches: readonly RecordBatch[],
  aborted: readonly AbortedTransaction[],
): readonly RecordBatch[] {
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<bigint>()
  let next = 0
  return batches.filter((batch) => {
    for (; next < waiting.length; next += 1) {
      const entry = waiting[next]
      if (entry === undefined || entry.firstOffset > batch.lastOffset) break
      open.add(entry.producerId)
    }
    if (isControl(batch)) {
      if (open.has(batch.producerId) && isAbortMarker(batch)) open.delete(batch.producerId)
      return false
    }
    return !(isTransactional(batch) && open.has(batch.producerId))
  })
}
