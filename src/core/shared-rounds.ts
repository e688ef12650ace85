/**
 * One task for any number of askers. Who asks while it runs gets the next run, so that no answer is older than its question; a flood of
 * questions costs one run at a time.
 */
export class SharedRounds<Result> {
  readonly #task: () => Promise<Result>
  #running: Promise<Result> | undefined
  #next: Promise<Result> | undefined

  constructor(task: () => Promise<Result>) {
    this.#task = task
  }

  /** Rejects as the task does. */
  ask(): Promise<Result> {
    if (this.#running === undefined) return this.#run()
    this.#next ??= this.#afterThis(this.#running)
    return this.#next
  }

  async #afterThis(running: Promise<Result>): Promise<Result> {
    await Promise.allSettled([running])
    this.#next = undefined
    return this.#running ?? this.#run()
  }

  #run(): Promise<Result> {
    const running = this.#task().finally(() => {
      this.#running = undefined
    })
    this.#running = running
    return running
  }
}
