import { Pool } from 'undici'
import { type Fate, type LoadedRequest, ndjson, nextRun } from './fault-load.ts'
import { zipfTurns } from './outage-zipf.ts'

export interface SpreadLoadOptions {
  readonly urls: readonly string[]
  /** The busiest first: the n-th gets about 1/n of the first one's events, and each at least one request in two seconds. */
  readonly topics: readonly string[]
  readonly requestsPerSecond: number
  readonly eventsPerRequest: number
  readonly eventBytes: number
}

/** What was offered to one topic of a `SpreadLoad`; its proxies share the running numbers. */
export interface SpreadTopic {
  readonly topic: string
  readonly run: string
  readonly requests: LoadedRequest[]
  next: number
}

/** One schedule over many topics and proxies, that does not wait for answers; for as many topics as one load each would be too much. */
export class SpreadLoad {
  readonly topics: readonly SpreadTopic[]
  readonly #options: SpreadLoadOptions
  readonly #pools: readonly Pool[]
  readonly #turns: readonly number[]
  readonly #startMs = performance.now()
  readonly #timer: NodeJS.Timeout
  readonly #outstanding = new Set<Promise<void>>()
  #offered = 0

  constructor(options: SpreadLoadOptions) {
    this.#options = options
    this.topics = options.topics.map((topic) => ({ topic, run: nextRun(), requests: [], next: 0 }))
    this.#pools = options.urls.map((url) => new Pool(url, { connections: 256, pipelining: 1 }))
    this.#turns = zipfTurns(options.topics.length, 2 * options.requestsPerSecond)
    this.#timer = setInterval(() => this.#offerDue(), 1)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#outstanding)
    await this.#close()
  }

  /** Ends at once; requests without an answer become `unknown`. */
  async abort(): Promise<void> {
    clearInterval(this.#timer)
    await this.#close()
    await Promise.all(this.#outstanding)
  }

  async #close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()))
  }

  #offerDue(): void {
    const { requestsPerSecond } = this.#options
    const due = ((performance.now() - this.#startMs) * requestsPerSecond) / 1000
    for (; this.#offered < due; this.#offered += 1) {
      const topic = this.topics[this.#turns[this.#offered % this.#turns.length] ?? 0]
      const pool = this.#pools[this.#offered % this.#pools.length]
      if (topic === undefined || pool === undefined) continue
      const asked = this.#post(topic, pool, this.#startMs + (this.#offered * 1000) / requestsPerSecond)
      this.#outstanding.add(asked)
      // It never rejects.
      asked.finally(() => this.#outstanding.delete(asked)).catch(() => undefined)
    }
  }

  /** Never rejects. */
  async #post(to: SpreadTopic, pool: Pool, dueMs: number): Promise<void> {
    const { eventsPerRequest: events, eventBytes } = this.#options
    const first = to.next
    to.next += events
    const sentMs = performance.now()
    const done = (fate: Fate, status: number, reason: string): void => {
      to.requests.push({ first, events, dueMs, sentMs, endMs: performance.now(), fate, status, reason })
    }
    try {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: `/v1/topics/${to.topic}/events`,
        headers: { 'content-type': 'application/x-ndjson' },
        body: ndjson(to.run, first, events, eventBytes),
      })
      const { type = '' } = (await body.json()) as { type?: string }
      const reason = type.replace('urn:forebay:problem:', '')
      if (statusCode < 300) done('accepted', statusCode, reason)
      else done(reason === 'ack-timeout' ? 'unknown' : 'refused', statusCode, reason)
    } catch (error) {
      done('unknown', 0, (error as Error & { code?: string }).code ?? String(error))
    }
  }
}
