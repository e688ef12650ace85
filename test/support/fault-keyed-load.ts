import assert from 'node:assert/strict'
import { Pool } from 'undici'
import { idOf, type LoadedRequest, ndjson, nextRun, requestFromNow } from './fault-load.ts'
import type { ReadRecord } from './independent-reader.ts'

export interface KeyedLoadOptions {
  /** Base URL of the proxy. */
  readonly url: string
  readonly topic: string
  /** So many clients, each with a key of its own. */
  readonly keys: number
}

const events = 5
const eventBytes = 200

/**
 * Clients that post one request after the other, each always under its own key: so the running numbers of a key's events grow in the
 * order in which they were accepted. A request is never repeated.
 */
export class KeyedLoad {
  readonly topic: string
  readonly run = nextRun()
  readonly requests: LoadedRequest[] = []
  readonly #pool: Pool
  readonly #done: Promise<unknown>
  #stopped = false
  #offered = 0

  constructor({ url, topic, keys }: KeyedLoadOptions) {
    this.topic = topic
    this.#pool = new Pool(url, { connections: keys, pipelining: 1, headersTimeout: 60_000 })
    this.#done = Promise.all(Array.from({ length: keys }, (_, index) => this.#client(`key-${index}`)))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
    await this.#pool.destroy()
  }

  async #client(key: string): Promise<void> {
    while (!this.#stopped) {
      const first = this.#offered
      this.#offered += events
      const request = requestFromNow(first, events)
      const done = (...end: Parameters<typeof request>): void => void this.requests.push(request(...end))
      try {
        const { statusCode, body } = await this.#pool.request({
          method: 'POST',
          path: `/v1/topics/${this.topic}/events?key=${key}`,
          headers: { 'content-type': 'application/x-ndjson' },
          body: ndjson(this.run, first, events, eventBytes),
        })
        const { type = '' } = (await body.json()) as { type?: string }
        const unknown = type.endsWith(':ack-timeout')
        done(statusCode < 300 ? 'accepted' : unknown ? 'unknown' : 'refused', statusCode, type)
      } catch (error) {
        done('unknown', 0, String(error))
      }
      // A fast topic answers at once: without a pause one key would fill its partition.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

export interface KeyOrder {
  readonly keys: number
  /** Records that stand behind a later one of their key and were not there before it: never right. */
  readonly outOfOrder: number
  /** Records that were there before. */
  readonly repeated: number
}

/**
 * How the records of each key follow each other in the log, in the order of partition and offset. A batch that is sent again stands there
 * twice, the second time behind what came after it: so only the first arrival of an event has its place in the order.
 */
export function keyOrder(records: readonly ReadRecord[]): KeyOrder {
  const latest = new Map<string, number>()
  const partitions = new Map<string, number>()
  const seen = new Set<string>()
  let outOfOrder = 0
  let repeated = 0
  for (const { key, value, partition } of records) {
    const id = idOf(value)
    assert.ok(key !== null && id !== undefined, 'a record that no keyed load posted')
    const name = `${id.run} ${key}`
    assert.equal(partitions.get(name) ?? partition, partition, `${name} is in two partitions`)
    partitions.set(name, partition)
    const event = `${id.run}-${id.index}`
    if (seen.has(event)) repeated += 1
    else if (id.index < (latest.get(name) ?? -1)) outOfOrder += 1
    else latest.set(name, id.index)
    seen.add(event)
  }
  return { keys: latest.size, outOfOrder, repeated }
}
