import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { Pool } from 'undici'
import { type LoadedRequest, ndjson, nextRun, requestFromNow } from './fault-load.ts'

/** Compressed bodies: inflating them is work of the same threads that wait for names. */
export class GzipLoad {
  readonly topic: string
  readonly run = nextRun()
  readonly requests: LoadedRequest[] = []
  readonly #pool: Pool
  readonly #done: Promise<void>
  #stopped = false

  constructor(url: string, topic: string) {
    this.topic = topic
    this.#pool = new Pool(url, { connections: 1 })
    this.#done = this.#client()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
    await this.#pool.destroy()
  }

  /** Rejects when a connection breaks: these are for rows where none does. */
  async #client(): Promise<void> {
    for (let first = 0; !this.#stopped; first += 50) {
      const body = gzipSync(ndjson(this.run, first, 50, 300))
      const request = requestFromNow(first, 50)
      const headers = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' }
      const path = `/v1/topics/${this.topic}/events`
      const answer = await this.#pool.request({ method: 'POST', path, headers, body })
      const text = await answer.body.text()
      this.requests.push(request(answer.statusCode < 300 ? 'accepted' : 'refused', answer.statusCode, text))
      await sleep(40)
    }
  }
}
