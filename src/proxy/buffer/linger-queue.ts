/**
 * Calls back for each item at most `lingerMs` after it was added. When the first of them has lingered, all go: so the batches of many
 * topics leave together and share produce requests, and one timer serves all. An item that came later goes earlier than it had to.
 */
export class LingerQueue<Item> {
  readonly #lingerMs: number
  readonly #onLingered: (item: Item) => void
  #items: Item[] = []

  constructor(lingerMs: number, onLingered: (item: Item) => void) {
    this.#lingerMs = lingerMs
    this.#onLingered = onLingered
  }

  add(item: Item): void {
    this.#items.push(item)
    if (this.#items.length > 1) return
    // A process that has nothing else to do drains by flushing.
    setTimeout(() => this.#fire(), this.#lingerMs).unref()
  }

  #fire(): void {
    const due = this.#items
    // A callback may add items, which wait anew.
    this.#items = []
    for (const item of due) this.#onLingered(item)
  }
}
