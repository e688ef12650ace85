import type { Clock } from '../../core/clock.ts'

/** Calls back for each item `lingerMs` after it was added, with one timer for all: the wait is the same for all, so they stand in order. */
export class LingerQueue<Item> {
  readonly #clock: Clock
  readonly #lingerMs: number
  readonly #onLingered: (item: Item) => void
  #items: { readonly item: Item; readonly dueMs: number }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock, lingerMs: number, onLingered: (item: Item) => void) {
    this.#clock = clock
    this.#lingerMs = lingerMs
    this.#onLingered = onLingered
  }

  add(item: Item): void {
    this.#items.push({ item, dueMs: this.#clock.monotonicMs() + this.#lingerMs })
    if (this.#timer === undefined) this.#arm(this.#lingerMs)
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => this.#fire(), delayMs)
    // A process that has nothing else to do drains by flushing.
    this.#timer.unref()
  }

  #fire(): void {
    const nowMs = this.#clock.monotonicMs()
    const waiting = this.#items.findIndex(({ dueMs }) => dueMs > nowMs)
    const due = waiting === -1 ? this.#items : this.#items.slice(0, waiting)
    this.#items = waiting === -1 ? [] : this.#items.slice(waiting)
    this.#timer = undefined
    for (const { item } of due) this.#onLingered(item)
    const next = this.#items[0]
    // A callback may have added items, and armed the timer.
    if (next !== undefined && this.#timer === undefined) this.#arm(Math.max(1, next.dueMs - nowMs))
  }
}
