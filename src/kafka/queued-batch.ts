import { compressBatch } from './compress-batch.ts'
import type { OutgoingBatch } from './outgoing-batch.ts'

/** Who is told when a batch that was being compressed is ready, or was not and goes out as it is. */
export interface PreparationListener {
  ready(): void
  notCompressed(topic: string, error: unknown): void
}

/** A batch in a producer's queue, and what happened to it so far. Keeps its bytes when it goes to another producer. */
export class QueuedBatch {
  readonly batch: OutgoingBatch
  /** An attempt went unanswered: the broker may have it. */
  maybeWritten = false
  /** When its present producer got it (monotonic). */
  sinceMs: number
  /** As its producer counts it; set again when its bytes are taken, because withdrawn ones leave then. */
  records: number
  /** What is sent; taken from the owner, and compressed, at the first attempt. */
  #bytes: Buffer | undefined
  #preparing = false

  constructor(batch: OutgoingBatch, sinceMs: number) {
    this.batch = batch
    this.records = batch.records
    this.sinceMs = sinceMs
  }

  /** The bytes to send; `withdrawn` when the owner wants them no more: forget it. While they are being compressed, ask again later. */
  prepare(listener: PreparationListener): Buffer | 'preparing' | 'withdrawn' {
    if (this.#preparing) return 'preparing'
    if (this.#bytes !== undefined) return this.#bytes
    const plain = this.batch.take()
    if (plain === undefined) return 'withdrawn'
    this.records = this.batch.records
    if (this.batch.compression === 'none') {
      this.#bytes = plain
      return plain
    }
    this.#preparing = true
    const prepared = (bytes: Buffer) => {
      this.#bytes = bytes
      this.#preparing = false
      listener.ready()
    }
    compressBatch(plain, this.batch.compression).then(prepared, (error: unknown) => {
      listener.notCompressed(this.batch.topic, error)
      prepared(plain)
    })
    return 'preparing'
  }
}
