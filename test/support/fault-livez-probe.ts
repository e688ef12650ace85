import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import type { Timed } from './fault-quantiles.ts'

/**
 * Asks for `/livez` every `everyMs`: the cheapest answer there is. What it takes longer than that is the machine's or the event
 * loop's share in any other answer of the same time.
 */
export class LivezProbe {
  readonly answers: Timed[] = []
  readonly #done: Promise<void>
  #stopped = false

  constructor(url: string, everyMs: number) {
    this.#done = this.#run(url, everyMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(url: string, everyMs: number): Promise<void> {
    const client = new Client(url)
    while (!this.#stopped) {
      const sentMs = performance.now()
      const { body } = await client.request({ method: 'GET', path: '/livez' })
      await body.text()
      this.answers.push({ dueMs: sentMs, sentMs, endMs: performance.now() })
      await sleep(everyMs)
    }
    await client.destroy()
  }
}
