/** A placement in use, and the requests that were sent under it. */
interface Epoch {
  readonly version: number
  unanswered: number
}

/**
 * Up to which placement version everything that was sent under earlier ones has been answered (core/proxy-report.ts `settledVersion`).
 * Counted per produce request.
 */
export class SentVersions {
  /** Oldest first: those with unanswered requests, and the one in use. An epoch keeps its number as long as it is here. */
  #epochs: Epoch[] = []
  /** Number of the first. */
  #first = 0

  /** A placement is in use from now on. */
  use(version: number): void {
    this.#epochs.push({ version, unanswered: 0 })
    this.#forgetSettled()
  }

  /** A request goes out. Returns what `answered` needs. */
  sent(): number {
    const epoch = this.#epochs.at(-1)
    if (epoch === undefined) return -1
    epoch.unanswered += 1
    return this.#first + this.#epochs.length - 1
  }

  /** It was answered, or its connection was closed at its deadline: a late answer is not believed. */
  answered(epoch: number): void {
    const found = this.#epochs[epoch - this.#first]
    if (found === undefined) return
    found.unanswered -= 1
    this.#forgetSettled()
  }

  /** `undefined` while no placement is in use. Less than the version in use while something earlier is unanswered. */
  settled(): number | undefined {
    const current = this.#epochs.at(-1)
    const [oldest] = this.#epochs
    if (current === undefined || oldest === undefined || oldest === current) return current?.version
    // Versions may go back when a store was restored (semantics "Placement").
    return Math.min(oldest.version, current.version - 1)
  }

  #forgetSettled(): void {
    while (this.#epochs.length > 1 && this.#epochs[0]?.unanswered === 0) {
      this.#epochs.shift()
      this.#first += 1
    }
  }
}
