const firstMs = 100
const longestMs = 10_000
/** A worker that served for so long had a good start; the next pause is the first one again. */
const goodStartMs = 10_000

/** When to start a worker again: the pause doubles while workers die young. */
export class RestartDelay {
  #pauseMs = firstMs

  /** The pause after a worker that lived for `livedMs`. */
  after(livedMs: number): number {
    if (livedMs >= goodStartMs) this.#pauseMs = firstMs
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(longestMs, pauseMs * 2)
    return pauseMs
  }
}
