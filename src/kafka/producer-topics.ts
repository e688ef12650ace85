import type { ClusterMetadata } from './cluster-metadata.ts'
import type { OutgoingBatch } from './outgoing-batch.ts'
import type { ProducerAccount } from './producer-account.ts'
import { QueuedBatch } from './queued-batch.ts'
import { type QueueHome, TopicQueue } from './topic-queue.ts'

/** The queues of one producer, from the first batch of a topic until it moves to another cluster. */
export class ProducerTopics {
  /** Those with something to send, least recently served first: a flooding topic must not keep the lanes to itself. */
  readonly active = new Set<TopicQueue>()
  readonly #topics = new Map<string, TopicQueue>()
  readonly #home: QueueHome
  readonly #account: ProducerAccount
  readonly #metadata: ClusterMetadata

  constructor(home: QueueHome, account: ProducerAccount, metadata: ClusterMetadata) {
    this.#home = home
    this.#account = account
    this.#metadata = metadata
  }

  get(topic: string): TopicQueue | undefined {
    return this.#topics.get(topic)
  }

  add(batch: OutgoingBatch, nowMs: number): void {
    let queue = this.#topics.get(batch.topic)
    if (queue === undefined) {
      queue = new TopicQueue(batch.topic, this.#home)
      this.#topics.set(batch.topic, queue)
      this.#metadata.want(batch.topic)
    }
    const entry = new QueuedBatch(batch, nowMs)
    this.#account.enter(entry)
    queue.add(entry)
    this.active.add(queue)
  }

  /** See `ClusterProducer.release`. */
  release(topic: string): { readonly queue: TopicQueue; readonly events: number } | undefined {
    this.#metadata.forget(topic)
    const queue = this.#topics.get(topic)
    if (queue === undefined) return undefined
    this.#topics.delete(topic)
    this.active.delete(queue)
    queue.startAnew()
    let events = 0
    queue.forEach((entry) => {
      events += entry.records
      this.#account.stats.moved += 1
      this.#account.leave(entry)
    })
    return { queue, events }
  }

  adopt(queue: TopicQueue, nowMs: number): void {
    if (this.#topics.has(queue.topic)) throw new TypeError(`${queue.topic} is queued twice`)
    queue.home = this.#home
    this.#topics.set(queue.topic, queue)
    this.#metadata.want(queue.topic)
    queue.forEach((entry) => {
      entry.sinceMs = nowMs
      this.#account.enter(entry)
    })
  }

  /** What was refused before `askedMs` (monotonic) is refused for good, and what is held since before may go. */
  confirm(queue: TopicQueue, askedMs: number): void {
    for (const { entry, code, detail } of queue.takeParked(askedMs)) {
      this.#account.settle(entry, { kind: 'refused', code, detail })
    }
    if (queue.heldSinceMs !== undefined && queue.heldSinceMs <= askedMs) queue.heldSinceMs = undefined
  }

  /** Refuses what is not in flight. */
  abandon(topic: string, code: number, detail: string): void {
    for (const entry of this.#topics.get(topic)?.removeWhere(() => true) ?? []) {
      this.#account.settle(entry, { kind: 'refused', code, detail })
    }
  }

  /** Those whose deadline (monotonic) has come. */
  expire(nowMs: number): void {
    this.#giveUp('deadline', (entry) => entry.batch.deadlineMs <= nowMs)
  }

  giveUpAll(): void {
    this.#giveUp('close', () => true)
  }

  /** When the longest waiting came here (monotonic), as far as the heads of the queues say; `Infinity` when nothing waits. */
  oldestSinceMs(): number {
    let oldestMs = Number.POSITIVE_INFINITY
    for (const queue of this.#topics.values()) oldestMs = Math.min(oldestMs, queue.oldestSinceMs())
    return oldestMs
  }

  #giveUp(at: 'deadline' | 'close', leaves: (entry: QueuedBatch) => boolean): void {
    for (const queue of this.#topics.values()) {
      if (queue.isEmpty && !queue.hasParked) continue
      for (const entry of queue.removeWhere(leaves)) {
        this.#account.settle(entry, { kind: 'gave-up', at, maybeWritten: entry.maybeWritten })
      }
    }
  }
}
