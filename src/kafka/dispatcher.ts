import { Assemblies, type Assembly } from './assembly.ts'
import type { LeaderLanes } from './leader-lanes.ts'
import type { QueuedBatch } from './queued-batch.ts'
import type { TopicQueue } from './topic-queue.ts'

export interface DispatcherOptions {
  /** A request is sent when it has grown to this; a larger batch goes alone. */
  readonly requestBytes: number
  /** Unkeyed batches stay on a partition until this many bytes went there. */
  readonly stickyBytes: number
  readonly lanes: LeaderLanes
  readonly send: (assembly: Assembly) => void
  /** The owner of a batch wants it no more. */
  readonly onWithdrawn: (entry: QueuedBatch) => void
  /** The owner took so many events out of a batch right before it was sent. */
  readonly onShrunk: (events: number) => void
  /** Something changed that this dispatch did not see: dispatch again. */
  readonly onReady: () => void
}

/** Puts what waits into requests: as much as the lanes have room for, in order, unkeyed batches where it is emptiest. */
export class Dispatcher {
  readonly #options: DispatcherOptions

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Those that go on waiting stay in `active`, served topics at its end. */
  dispatch(active: Set<TopicQueue>, nowMs: number): void {
    const { requestBytes, lanes, send } = this.#options
    const assemblies = new Assemblies(requestBytes, send)
    for (const queue of [...active]) {
      if (queue.notBeforeMs > nowMs || queue.heldSinceMs !== undefined) continue
      if (!lanes.knows(queue.topic)) continue
      this.#floating(queue, assemblies)
      if (queue.fixed.size > 0) this.#fixed(queue, assemblies)
      active.delete(queue)
      if (!queue.isEmpty) active.add(queue)
    }
    assemblies.flush()
  }

  #floating(queue: TopicQueue, assemblies: Assemblies): void {
    // What cannot go now (being compressed, or no lane has room for it) stays, in order.
    const held: QueuedBatch[] = []
    for (let entry = queue.floating.shift(); entry !== undefined; entry = queue.floating.shift()) {
      // The way first: a batch that nobody has room for stays its owner's, who may still withdraw events.
      const way = this.#options.lanes.floating(queue, entry.batch.acks, assemblies)
      if (way === undefined) {
        held.push(entry)
        break
      }
      const bytes = this.#prepare(queue, entry)
      if (bytes === 'preparing') held.push(entry)
      if (typeof bytes === 'string') continue
      queue.stickTo(way.partition, bytes.length, this.#options.stickyBytes)
      assemblies.add(way.lane, { queue, entry, partition: way.partition, bytes })
    }
    if (held.length > 0) queue.floating.unshift(...held)
  }

  #fixed(queue: TopicQueue, assemblies: Assemblies): void {
    for (const [partition, fixed] of queue.fixed) {
      const entry = fixed.waiting[0]
      if (fixed.busy || entry === undefined) continue
      const lane = this.#options.lanes.fixed(queue, partition, entry.batch.acks, assemblies)
      if (lane === undefined) continue
      const bytes = this.#prepare(queue, entry)
      if (bytes === 'preparing') continue
      fixed.waiting.shift()
      if (bytes === 'withdrawn') {
        this.#options.onReady()
        continue
      }
      fixed.busy = true
      assemblies.add(lane, { queue, entry, partition, bytes })
    }
  }

  #prepare(queue: TopicQueue, entry: QueuedBatch): Buffer | 'preparing' | 'withdrawn' {
    const { records } = entry
    const prepared = entry.prepare(queue)
    if (prepared === 'withdrawn') this.#options.onWithdrawn(entry)
    else if (entry.records !== records) this.#options.onShrunk(records - entry.records)
    return prepared
  }
}
