/** Records `from` to `to` (exclusive) of one batch, which belong to one durable request. */
export interface Segment {
  readonly tally: AckTally
  from: number
  to: number
  withdrawn: boolean
}

/**
 * What became of the events of one durable request. `delivered + failed + unknown = total` at every moment; `settled` resolves when
 * nothing is unknown any more.
 */
export class AckTally {
  readonly total: number
  readonly settled: Promise<void>
  readonly #resolve: () => void
  readonly #withdrawable = new Set<Segment>()
  #delivered = 0
  #failed = 0
  #refused = 0

  constructor(total: number) {
    this.total = total
    const { promise, resolve } = Promise.withResolvers<void>()
    this.settled = promise
    this.#resolve = resolve
    if (total === 0) resolve()
  }

  /** Acknowledged by the brokers as the topic asks. */
  get delivered(): number {
    return this.#delivered
  }

  /** Surely not written. */
  get failed(): number {
    return this.#failed
  }

  /** Of those that failed: refused by the broker. */
  get refused(): number {
    return this.#refused
  }

  /** No answer yet, or none that can be believed. */
  get unknown(): number {
    return this.total - this.#delivered - this.#failed
  }

  deliver(events: number): void {
    this.#delivered += events
    if (this.unknown === 0) this.#resolve()
  }

  fail(events: number): void {
    this.#failed += events
    if (this.unknown === 0) this.#resolve()
  }

  refuse(events: number): void {
    this.#refused += events
    this.fail(events)
  }

  /** A segment that nobody has asked the bytes of. */
  track(segment: Segment): void {
    this.#withdrawable.add(segment)
  }

  /** The producer asked for it: it cannot be withdrawn any more. */
  untrack(segment: Segment): void {
    this.#withdrawable.delete(segment)
  }

  /** Marks every segment that is still ours as withdrawn; returns how many events that were. */
  withdraw(): number {
    let events = 0
    for (const segment of this.#withdrawable) {
      segment.withdrawn = true
      events += segment.to - segment.from
    }
    this.#withdrawable.clear()
    this.fail(events)
    return events
  }
}
