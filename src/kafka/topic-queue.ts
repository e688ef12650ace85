import type { QueuedBatch } from './queued-batch.ts'

interface PartitionQueue {
  readonly waiting: QueuedBatch[]
  /** A keyed partition has one batch in flight, so that order holds (semantics "Records"). */
  busy: boolean
}

/** The batches of one topic that wait for a lane, in order. */
export class TopicQueue {
  readonly topic: string
  /** Batches that may go to any partition. */
  readonly floating: QueuedBatch[] = []
  readonly fixed = new Map<number, PartitionQueue>()
  /** No attempt before this, after a retriable refusal (monotonic). */
  notBeforeMs = 0
  #sticky: { partition: number; bytesLeft: number } | undefined

  constructor(topic: string) {
    this.topic = topic
  }

  /** Nothing waits here; something may still be in flight. */
  get isEmpty(): boolean {
    if (this.floating.length > 0) return false
    for (const queue of this.fixed.values()) if (queue.waiting.length > 0) return false
    return true
  }

  add(entry: QueuedBatch): void {
    if (entry.batch.partition === undefined) this.floating.push(entry)
    else this.partition(entry.batch.partition).waiting.push(entry)
  }

  /** Back to the head: a batch that is tried again goes before everything behind it. */
  putBack(entry: QueuedBatch): void {
    if (entry.batch.partition === undefined) this.floating.unshift(entry)
    else this.partition(entry.batch.partition).waiting.unshift(entry)
  }

  partition(partition: number): PartitionQueue {
    let queue = this.fixed.get(partition)
    if (queue === undefined) {
      queue = { waiting: [], busy: false }
      this.fixed.set(partition, queue)
    }
    return queue
  }

  /** Takes out what `leaves` says; its order is kept. */
  removeWhere(leaves: (entry: QueuedBatch) => boolean): readonly QueuedBatch[] {
    const removed: QueuedBatch[] = []
    for (const waiting of [this.floating, ...[...this.fixed.values()].map((queue) => queue.waiting)]) {
      for (let index = waiting.length - 1; index >= 0; index -= 1) {
        const entry = waiting[index]
        if (entry !== undefined && leaves(entry)) removed.push(...waiting.splice(index, 1))
      }
    }
    return removed
  }

  /** The partition that unkeyed batches stay on until `batchBytes` went there (KIP-794). */
  get stickyPartition(): number | undefined {
    return this.#sticky !== undefined && this.#sticky.bytesLeft > 0 ? this.#sticky.partition : undefined
  }

  stickTo(partition: number, bytes: number, batchBytes: number): void {
    if (this.#sticky?.partition !== partition || this.#sticky.bytesLeft <= 0) {
      this.#sticky = { partition, bytesLeft: batchBytes }
    }
    this.#sticky.bytesLeft -= bytes
  }
}
