import type { Clock } from '../../core/clock.ts'

const windowMs = 1000
const longestSeconds = 60
/** Nothing was acknowledged for a while: how long an outage lasts cannot be computed. */
const guessSeconds = 10

/** How fast acknowledgements free the buffer: for `Retry-After`. Two windows of a second, so that it follows within two. */
export class DrainRate {
  readonly #clock: Clock
  #windowStartMs: number
  #current = 0
  #previous = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#windowStartMs = clock.monotonicMs()
  }

  /** Bytes that were acknowledged just now. */
  add(bytes: number): void {
    this.#roll()
    this.#current += bytes
  }

  /** Whole seconds until about `bytes` have gone at the present rate, 1 to 60. */
  secondsFor(bytes: number): number {
    this.#roll()
    const bytesPerSecond = Math.max(this.#current, this.#previous)
    if (bytesPerSecond === 0) return guessSeconds
    return Math.min(longestSeconds, Math.max(1, Math.ceil(bytes / bytesPerSecond)))
  }

  #roll(): void {
    const nowMs = this.#clock.monotonicMs()
    const passed = Math.floor((nowMs - this.#windowStartMs) / windowMs)
    if (passed <= 0) return
    this.#previous = passed === 1 ? this.#current : 0
    this.#current = 0
    this.#windowStartMs += passed * windowMs
  }
}
