import type { Clock } from '../core/clock.ts'
import type { BatchOutcome } from './outgoing-batch.ts'
import type { ProduceStats } from './produce-stats.ts'
import { ProduceWindow } from './produce-window.ts'
import type { QueuedBatch } from './queued-batch.ts'

/** What a producer has not settled, and what became of the rest. Moved once per batch or request. */
export class ProducerAccount {
  readonly stats: ProduceStats
  readonly window = new ProduceWindow()
  readonly #clock: Clock
  readonly #idleListeners: (() => void)[] = []
  #unsettled = 0
  #events = 0
  /** Monotonic; when the first of what is unsettled now came, when something was acknowledged last. */
  #waitingSinceMs = 0
  #ackedMs = 0

  constructor(stats: ProduceStats, clock: Clock) {
    this.stats = stats
    this.#clock = clock
  }

  /** Batches that are not settled yet, sent or not. */
  get unsettled(): number {
    return this.#unsettled
  }

  /** Events of those. */
  get events(): number {
    return this.#events
  }

  get waitingSinceMs(): number {
    return this.#waitingSinceMs
  }

  /** Since something was acknowledged, or since something waits where that is later; `undefined` while nothing does. */
  ackAgeMs(nowMs: number): number | undefined {
    return this.#unsettled === 0 ? undefined : nowMs - Math.max(this.#ackedMs, this.#waitingSinceMs)
  }

  enter(entry: QueuedBatch): void {
    if (this.#unsettled === 0) this.#waitingSinceMs = entry.sinceMs
    this.#unsettled += 1
    this.#events += entry.records
  }

  /** The owner withdrew some of a batch's events before it was sent. */
  shrunk(events: number): void {
    this.#events -= events
  }

  /** It is settled, withdrawn, or goes to another producer. */
  leave(entry: QueuedBatch): void {
    this.#unsettled -= 1
    this.#events -= entry.records
    if (this.#unsettled === 0) for (const listener of this.#idleListeners.splice(0)) listener()
  }

  /** Tells the owner, once. */
  settle(entry: QueuedBatch, outcome: BatchOutcome): void {
    if (outcome.kind === 'acked') {
      this.stats.acked += 1
      this.#ackedMs = this.#clock.monotonicMs()
    } else this.stats.failed += 1
    if (outcome.kind === 'gave-up') this.window.dropped(entry.records)
    entry.batch.settled(outcome)
    this.leave(entry)
  }

  /** Called once, when nothing is unsettled: at once if that is so now. */
  onIdle(listener: () => void): void {
    if (this.#unsettled === 0) listener()
    else this.#idleListeners.push(listener)
  }
}
