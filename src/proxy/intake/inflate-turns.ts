import { Problem } from '../../core/problems.ts'

interface Waiting {
  readonly bytes: number
  readonly go: () => void
}

/** Bodies that wait for their turn, each with its bytes reserved; whoever comes then is refused. */
const mostWaiting = 256

/** Bounds the memory of all decoders that exist at the same time. First come, first served. */
export class InflateTurns {
  readonly #limitBytes: number
  readonly #waiting: Waiting[] = []
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Resolves when so much may be allocated; what is larger than the limit gets all of it. Rejects with 429 when too many wait. */
  async take(bytes: number): Promise<void> {
    const share = Math.min(bytes, this.#limitBytes)
    if (this.#waiting.length === 0 && this.#usedBytes + share <= this.#limitBytes) {
      this.#usedBytes += share
      return
    }
    if (this.#waiting.length >= mostWaiting) {
      throw new Problem(
        'buffer-full',
        'Too many compressed bodies wait to be inflated; nothing was accepted.',
        {
          retryAfterSeconds: 1,
        },
      )
    }
    await new Promise<void>((go) => this.#waiting.push({ bytes: share, go }))
  }

  /** The other half of each `take` that resolved, with the same number. */
  give(bytes: number): void {
    this.#usedBytes -= Math.min(bytes, this.#limitBytes)
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#usedBytes + next.bytes > this.#limitBytes) return
      this.#usedBytes += next.bytes
      this.#waiting.shift()
      next.go()
    }
  }
}
