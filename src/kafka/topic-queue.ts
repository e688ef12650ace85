import type { PreparationListener, QueuedBatch } from './queued-batch.ts'

/** The producer that sends what is in a queue; another one once its topic was moved to another cluster. */
export interface QueueHome {
  /** There may be something to send in it. */
  wake(queue: TopicQueue): void
  /** A batch of this queue that another producer had sent, without success, before the queue moved: it is this one's now. */
  takeOver(queue: TopicQueue, entry: QueuedBatch): void
  notCompressed(topic: string, error: unknown): void
}

interface PartitionQueue {
  readonly waiting: QueuedBatch[]
  /**
   * A keyed partition has one batch in flight, so that order holds (semantics "Records"). It stays so when the queue moves: what comes
   * later waits until that batch is settled or stands at the head again.
   */
  busy: boolean
}

/** A refusal that is no outcome until the placement was confirmed after it. */
export interface ParkedBatch {
  readonly entry: QueuedBatch
  readonly code: number
  readonly detail: string
  /** Monotonic. */
  readonly refusedMs: number
}

/** The batches of one topic that wait for a lane, in order. Moves as a whole when its topic moves to another cluster. */
export class TopicQueue implements PreparationListener {
  readonly topic: string
  home: QueueHome
  /** Batches that may go to any partition. */
  readonly floating: QueuedBatch[] = []
  readonly fixed = new Map<number, PartitionQueue>()
  /** Batches on their way to a broker, of whatever cluster. */
  inFlight = 0
  /** No attempt before this, after a retriable refusal (monotonic). */
  notBeforeMs = 0
  /** No attempt until the placement was asked for again after this (monotonic): the topic was made anew. */
  heldSinceMs: number | undefined
  #parked: ParkedBatch[] = []
  #sticky: { partition: number; bytesLeft: number } | undefined

  constructor(topic: string, home: QueueHome) {
    this.topic = topic
    this.home = home
  }

  /** Nothing waits here that could be sent; something may still be in flight, or parked. */
  get isEmpty(): boolean {
    if (this.floating.length > 0) return false
    for (const queue of this.fixed.values()) if (queue.waiting.length > 0) return false
    return true
  }

  /** Nothing at all is waited for. */
  get isIdle(): boolean {
    return this.inFlight === 0 && this.isEmpty && !this.hasParked
  }

  get hasParked(): boolean {
    return this.#parked.length > 0
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

  /** Sets a refused batch aside; nothing of its fixed partition goes before it. */
  park(parked: ParkedBatch): void {
    this.#parked.push(parked)
    const { partition } = parked.entry.batch
    if (partition !== undefined) this.partition(partition).busy = true
  }

  /** Takes out what was refused before `askedMs`. */
  takeParked(askedMs: number): readonly ParkedBatch[] {
    return this.#takeParked(({ refusedMs }) => refusedMs <= askedMs)
  }

  /** Everything as if it had never been tried here: for another cluster. */
  startAnew(): void {
    if (this.hasParked) for (const { entry } of this.#takeParked(() => true).toReversed()) this.putBack(entry)
    this.notBeforeMs = 0
    this.heldSinceMs = undefined
    this.#sticky = undefined
  }

  /** Everything that waits to be sent, in no order. */
  forEach(visit: (entry: QueuedBatch) => void): void {
    for (const entry of this.floating) visit(entry)
    for (const { waiting } of this.fixed.values()) for (const entry of waiting) visit(entry)
  }

  /** Takes out what `leaves` says; its order is kept. */
  removeWhere(leaves: (entry: QueuedBatch) => boolean): readonly QueuedBatch[] {
    const removed = this.#takeParked(({ entry }) => leaves(entry)).map(({ entry }) => entry)
    takeOut(this.floating, leaves, removed)
    for (const { waiting } of this.fixed.values()) takeOut(waiting, leaves, removed)
    return removed
  }

  /** When the longest waiting came to its producer (monotonic), as far as the heads say; `Infinity` when nothing waits. */
  oldestSinceMs(): number {
    let oldestMs = this.floating[0]?.sinceMs ?? Number.POSITIVE_INFINITY
    for (const { waiting } of this.fixed.values()) {
      oldestMs = Math.min(oldestMs, waiting[0]?.sinceMs ?? oldestMs)
    }
    return Math.min(oldestMs, this.#parked[0]?.entry.sinceMs ?? oldestMs)
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

  /** A batch that was being compressed can be sent. */
  ready(): void {
    this.home.wake(this)
  }

  notCompressed(topic: string, error: unknown): void {
    this.home.notCompressed(topic, error)
  }

  #takeParked(leaves: (parked: ParkedBatch) => boolean): readonly ParkedBatch[] {
    if (this.#parked.length === 0) return []
    const taken = this.#parked.filter(leaves)
    this.#parked = this.#parked.filter((parked) => !leaves(parked))
    for (const { entry } of taken) {
      if (entry.batch.partition !== undefined) this.partition(entry.batch.partition).busy = false
    }
    return taken
  }
}

function takeOut(
  waiting: QueuedBatch[],
  leaves: (entry: QueuedBatch) => boolean,
  removed: QueuedBatch[],
): void {
  for (let index = waiting.length - 1; index >= 0; index -= 1) {
    const entry = waiting[index]
    if (entry !== undefined && leaves(entry)) removed.push(...waiting.splice(index, 1))
  }
}
