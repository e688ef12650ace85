import { compressBatch } from './compress-batch.ts'
import type { OutgoingBatch } from './outgoing-batch.ts'

/** What a producer does when a batch that was being compressed is ready, or was not and goes out as it is. */
export interface PreparationListener {
  ready(): void
  notCompressed(topic: string, error: unknown): void
}

/** A batch in a producer's queue, and what happened to it so far. */
export class QueuedBatch {
  readonly batch: OutgoingBatch
  /** An attempt went unanswered: the broker may have it. */
  maybeWritten = false
  /** What is sent; taken from the owner, and compressed, at the first attempt. */
  #bytes: Buffer | undefined
  #preparing = false

  constructor(batch: OutgoingBatch) {
    this.batch = batch
  }

  /** The bytes to send; `withdrawn` when the owner wants them no more: forget it. While they are being compressed, ask again later. */
  prepare(listener: PreparationListener): Buffer | 'preparing' | 'withdrawn' {
    if (this.#preparing) return 'preparing'
    if (this.#bytes !== undefined) return this.#bytes
    const plain = this.batch.take()
    if (plain === undefined) return 'withdrawn'
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
