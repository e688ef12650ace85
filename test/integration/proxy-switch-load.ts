import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from '../support/wait-for.ts'

const eventsPerRequest = 10
const pauseMs = 10

/** Posts events with ids of their own, one request after the other per key and without a key, until it is stopped. */
export class SwitchLoad {
  readonly keys: readonly string[] = ['red', 'green', 'blue']
  /** Ids that the proxy took, in the order of its answers. */
  readonly accepted: string[] = []
  /** Requests that got anything but 200 or 202. */
  refused = 0
  readonly #url: string
  readonly #numbers = new Map<string, number>()
  readonly #loops: readonly Promise<void>[]
  #stopped = false

  constructor(proxyUrl: string, topic: string) {
    this.#url = `${proxyUrl}/v1/topics/${topic}/events`
    this.#loops = [undefined, ...this.keys].map((key) => this.#postOn(key))
  }

  /** In which place of its key an event was sent. */
  numberOf(id: string): number {
    return this.#numbers.get(id) ?? Number.NaN
  }

  /** No more is sent; resolves when every request is answered. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  async untilAccepted(events: number): Promise<void> {
    await waitFor(() => this.accepted.length >= events, {
      describe: `${events} events to be accepted`,
      intervalMs: 10,
      timeoutMs: 60_000,
      state: () => ({ accepted: this.accepted.length, refused: this.refused }),
    })
  }

  async #postOn(key: string | undefined): Promise<void> {
    const url = key === undefined ? this.#url : `${this.#url}?key=${key}`
    for (let number = 0; !this.#stopped; ) {
      const ids = Array.from({ length: eventsPerRequest }, () => {
        const id = `{"id":"${key ?? 'none'}-${number}"}`
        this.#numbers.set(id, number)
        number += 1
        return id
      })
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: ids.join('\n'),
      })
      await response.arrayBuffer()
      if (response.ok) this.accepted.push(...ids)
      else this.refused += 1
      await sleep(pauseMs)
    }
  }
}
