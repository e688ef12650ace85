import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import { type LoadedRequest, ndjson, nextRun, requestFromNow } from './fault-load.ts'

export interface LeavingClientsOptions {
  /** Base URLs. */
  readonly proxies: readonly string[]
  readonly topic: string
  readonly clients: number
}

const events = 20
const pauseMs = 10

/**
 * Keep-alive clients behind a load balancer: each keeps its connection, one request after the other, until an answer says that the
 * connection ends; then it goes to a proxy that is ready. A request is never repeated.
 */
export class LeavingClients {
  readonly topic: string
  readonly run = nextRun()
  readonly requests: LoadedRequest[] = []
  readonly #ready = new Set<string>()
  readonly #done: Promise<unknown>
  #stopped = false
  #offered = 0

  constructor(options: LeavingClientsOptions) {
    this.topic = options.topic
    const clients = Array.from({ length: options.clients }, (_, index) => this.#client(index))
    this.#done = Promise.all([...clients, ...options.proxies.map((url) => this.#watch(url))])
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  /** The balancer's health check. */
  async #watch(url: string): Promise<void> {
    while (!this.#stopped) {
      const answer = await fetch(`${url}/readyz`).catch(() => undefined)
      await answer?.arrayBuffer()
      if (answer?.ok === true) this.#ready.add(url)
      else this.#ready.delete(url)
      await sleep(100)
    }
  }

  async #client(index: number): Promise<void> {
    while (!this.#stopped) {
      const ready = [...this.#ready]
      const url = ready[index % Math.max(1, ready.length)]
      if (url === undefined) await sleep(20)
      else await this.#untilItEnds(new Client(url, { pipelining: 1, headersTimeout: 60_000 }))
    }
  }

  async #untilItEnds(client: Client): Promise<void> {
    for (let leaving = false; !leaving && !this.#stopped; await sleep(pauseMs))
      leaving = await this.#post(client)
    await client.destroy()
  }

  /** True when the connection is to be left. */
  async #post(client: Client): Promise<boolean> {
    const first = this.#offered
    this.#offered += events
    const request = requestFromNow(first, events)
    const done = (...end: Parameters<typeof request>): void => void this.requests.push(request(...end))
    try {
      const { statusCode, headers, body } = await client.request({
        method: 'POST',
        path: `/v1/topics/${this.topic}/events`,
        headers: { 'content-type': 'application/x-ndjson' },
        body: ndjson(this.run, first, events, 200),
      })
      const text = await body.text()
      done(statusCode < 300 ? 'accepted' : 'refused', statusCode, text)
      return headers.connection === 'close'
    } catch (error) {
      done('unknown', 0, String(error))
      return true
    }
  }
}
