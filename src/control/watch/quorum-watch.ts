import type { WatchWindow } from '../failover/evidence.ts'

export interface QuorumWatchOptions {
  /** Rejects when no leader of the controllers is told of within 2 s. */
  readonly ask: (address: string) => Promise<unknown>
  readonly onTrouble: (error: unknown) => void
}

/** Five ticks of a second, though timers are not exact. */
const everyMs = 4900
/**
 * A broker asks a controller that hangs for `controller.socket.timeout.ms` (30 s) before it turns to its successor. One hung broker must
 * not look like a quorum that is gone, and the new quorum shows itself by what it does: it fences that broker.
 */
const believedMs = 40_000

/**
 * Asks for the controller quorum every 5 s, and again at once while there is no answer: an election takes seconds, and a round of ten
 * seconds is bad only when nothing in it answered.
 */
export class QuorumWatch {
  readonly #options: QuorumWatchOptions
  #said: WatchWindow['quorum'] = 'not-asked'
  #last: 'answered' | 'silent' | undefined
  #askedAtMs = Number.NEGATIVE_INFINITY
  #actedAtMs = Number.NEGATIVE_INFINITY
  #asking = false
  #turn = 0

  constructor(options: QuorumWatchOptions) {
    this.#options = options
  }

  /** The metadata of a broker have changed: it took over what a quorum has committed. */
  acted(nowMs: number): void {
    this.#actedAtMs = nowMs
    this.#say('answered')
  }

  /** By the last evidence. */
  get hasQuorum(): boolean {
    return this.#last === 'answered'
  }

  /** Once a second. `answering`: brokers (`host:port`) that answered in the second before; none of them is a quorum that is silent. */
  async tick(answering: readonly string[], nowMs: number): Promise<void> {
    const isDue = this.#last !== 'answered' || nowMs - this.#askedAtMs >= everyMs
    if (this.#asking || !isDue) return
    this.#askedAtMs = nowMs
    const address = answering[this.#turn % Math.max(1, answering.length)]
    if (address === undefined) {
      this.#say('silent')
      return
    }
    this.#asking = true
    try {
      await this.#options.ask(address)
      this.#say('answered')
    } catch (error) {
      // Another broker next time: perhaps it was this one that did not pass the question on.
      this.#turn += 1
      if (nowMs - this.#actedAtMs >= believedMs) this.#say('silent')
      this.#options.onTrouble(error)
    } finally {
      this.#asking = false
    }
  }

  /** What came in the second that ended. */
  take(): WatchWindow['quorum'] {
    const said = this.#said
    this.#said = 'not-asked'
    return said
  }

  #say(said: 'answered' | 'silent'): void {
    this.#said = said
    this.#last = said
  }
}
