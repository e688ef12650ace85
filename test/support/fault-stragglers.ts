import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import { type LoadedRequest, ndjson, nextRun, requestFromNow } from './fault-load.ts'

const events = 5

/**
 * Keep-alive clients that ask once, stay idle, and ask once more on the same connection, at a time of their own: whoever has not asked
 * since a drain began has not been told to leave.
 */
export class StragglingClients {
  readonly topic: string
  readonly run = nextRun()
  readonly requests: LoadedRequest[] = []
  /** The second ones only. */
  readonly late: LoadedRequest[] = []
  readonly #clients: readonly Client[]
  #offered = 0

  private constructor(topic: string, clients: readonly Client[]) {
    this.topic = topic
    this.#clients = clients
  }

  /** Each has its connection and its first answer. */
  static async connect(url: string, topic: string, count: number): Promise<StragglingClients> {
    const clients = Array.from({ length: count }, () => new Client(url, { keepAliveTimeout: 600_000 }))
    const all = new StragglingClients(topic, clients)
    await Promise.all(clients.map((client) => all.#post(client)))
    return all
  }

  /** The second request of each, one after the other every `everyMs`; resolves when all have their fate. */
  async askAgain(everyMs: number): Promise<void> {
    await Promise.all(
      this.#clients.map(async (client, index) => {
        await sleep(index * everyMs)
        this.late.push(await this.#post(client))
      }),
    )
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.destroy()))
  }

  async #post(client: Client): Promise<LoadedRequest> {
    const first = this.#offered
    this.#offered += events
    const request = requestFromNow(first, events)
    const done = (...end: Parameters<typeof request>): LoadedRequest => {
      const ended = request(...end)
      this.requests.push(ended)
      return ended
    }
    try {
      const { statusCode, body } = await client.request({
        method: 'POST',
        path: `/v1/topics/${this.topic}/events`,
        headers: { 'content-type': 'application/x-ndjson' },
        body: ndjson(this.run, first, events, 200),
      })
      const { type = '' } = (await body.json()) as { type?: string }
      return done(statusCode < 300 ? 'accepted' : 'refused', statusCode, type)
    } catch (error) {
      return done('unknown', 0, String(error))
    }
  }
}
