/** One at a time, in the order of asking: two applies never see each other half done. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work)
    // The next one waits for the end of this one, however it ended; its own caller is told how.
    this.#last = result.catch(() => undefined)
    return result
  }
}
