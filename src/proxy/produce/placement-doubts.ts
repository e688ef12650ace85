import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'

export interface PlacementDoubtsOptions {
  readonly clock: Clock
  /**
   * Resolves when the control plane has confirmed or replaced the placement by an answer to a question asked after the call (a new one is
   * in use by then); rejects when it cannot be reached.
   */
  readonly confirm: () => Promise<void>
  /** The placement was confirmed by a question asked at `askedMs` (monotonic), after the topic was doubted. */
  readonly onConfirmed: (topic: string, askedMs: number) => void
  /** Once, when the control plane cannot be reached. */
  readonly onUnconfirmed: (error: unknown) => void
}

/** Between two questions, however many batches are refused. */
const pauseMs = 200
const longestPauseMs = 5000

/**
 * Asks whether topics are still placed where brokers have no place for them, one question at a time for all, for as long as it takes: a
 * refusal under a placement that is not the latest is no outcome (semantics "Failover and failback").
 */
export class PlacementDoubts {
  readonly #options: PlacementDoubtsOptions
  #doubted = new Set<string>()
  #asking = false
  #failures = 0
  #closed = false

  constructor(options: PlacementDoubtsOptions) {
    this.#options = options
  }

  /** Asked for at once, or with the next question. */
  add(topic: string): void {
    if (this.#closed) return
    this.#doubted.add(topic)
    if (this.#asking) return
    this.#asking = true
    // Never rejects.
    void this.#askOn()
  }

  close(): void {
    this.#closed = true
    this.#doubted.clear()
  }

  async #askOn(): Promise<void> {
    // Whoever doubts is in the middle of an answer: nothing may be moved under its hands.
    await null
    while (this.#doubted.size > 0) {
      const topics = this.#doubted
      this.#doubted = new Set()
      await this.#ask(topics)
      const longestMs = Math.min(longestPauseMs, pauseMs * 2 ** Math.min(this.#failures, 10))
      await delay(longestMs * (0.5 + Math.random() / 2), undefined, { ref: false })
    }
    this.#asking = false
  }

  async #ask(topics: ReadonlySet<string>): Promise<void> {
    const { clock, confirm, onConfirmed, onUnconfirmed } = this.#options
    const askedMs = clock.monotonicMs()
    try {
      await confirm()
    } catch (error) {
      this.#failures += 1
      if (this.#failures === 1) onUnconfirmed(error)
      if (!this.#closed) for (const topic of topics) this.#doubted.add(topic)
      return
    }
    this.#failures = 0
    if (!this.#closed) for (const topic of topics) onConfirmed(topic, askedMs)
  }
}
