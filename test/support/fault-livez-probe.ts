import { performance } from 'node:perf_hooks'
import { Pool } from 'undici'
import type { Timed } from './fault-quantiles.ts'

/**
 * Asks for `/livez` so many times a second, whether or not the last answer has come: the cheapest answer there is. What it takes is the
 * machine's and the event loop's share in any other answer of the same time.
 */
export class LivezProbe {
  readonly answers: Timed[] = []
  readonly #pool: Pool
  readonly #timer: NodeJS.Timeout
  readonly #outstanding = new Set<Promise<void>>()

  constructor(url: string, perSecond: number) {
    this.#pool = new Pool(url, { connections: 8, pipelining: 1 })
    this.#timer = setInterval(() => {
      const asked = this.#ask()
      this.#outstanding.add(asked)
      // Who stops the probe hears of a failure.
      asked.then(
        () => this.#outstanding.delete(asked),
        () => undefined,
      )
    }, 1000 / perSecond)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#outstanding)
    await this.#pool.destroy()
  }

  async #ask(): Promise<void> {
    const sentMs = performance.now()
    const { body } = await this.#pool.request({ method: 'GET', path: '/livez' })
    await body.text()
    this.answers.push({ dueMs: sentMs, sentMs, endMs: performance.now() })
  }
}
