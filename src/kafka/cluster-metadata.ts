import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, type ConnectionOptions, metadataV12 } from '@platformatic/kafka'
import type { BrokerAddress } from './frame-socket.ts'
import { certifiedAs, connectByName } from './name-cache.ts'

type MetadataResponse = ReturnType<typeof metadataV12.parseResponse>

export interface PartitionLeader {
  /** −1 while the partition has no leader. */
  readonly leader: number
  readonly leaderEpoch: number
}

export interface TopicMetadata {
  /** Changes when a topic of this name is deleted and made anew (KIP-516). */
  readonly topicId: string
  /** By partition number. */
  readonly partitions: readonly PartitionLeader[]
}

export interface ClusterMetadataOptions {
  /** `host:port` of a few brokers to start from. */
  readonly bootstrap: readonly string[]
  readonly clientId: string
  /** A broker that does not answer within this is left for the next one. */
  readonly timeoutMs?: number
  /** Never asked more often than this, however many callers are in a hurry; default 100 ms. */
  readonly minIntervalMs?: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

export interface RefreshResult {
  /** Topics whose leaders, id or partition count changed. */
  readonly changed: readonly string[]
  /** Of those, the ones that were deleted and made anew under the same name. */
  readonly remade: readonly string[]
  /** Wanted topics that the broker does not know. What was known of them before is kept. */
  readonly missing: readonly string[]
}

const defaultMinIntervalMs = 100
const defaultTimeoutMs = 1000
/** In one request: reading the answer about thousands of topics in one piece would hold the loop up. */
const topicsPerRequest = 400
const unknownTopic = 3

/**
 * Who leads which partition, for the topics somebody is interested in. Asks one broker at a time on a connection of its own and goes to
 * the next when it does not answer in time. Knows only what brokers say: `controllerId` and liveness are not in it (rules, "Kafka facts").
 */
export class ClusterMetadata {
  readonly #options: ClusterMetadataOptions
  readonly #topics = new Map<string, TopicMetadata>()
  readonly #brokers = new Map<number, BrokerAddress>()
  readonly #wanted = new Set<string>()
  #bootstrap: readonly string[]
  #alive: readonly number[] = []
  #connection: Connection | undefined
  #refreshing: Promise<RefreshResult> | undefined
  #lastRefreshMs = Number.NEGATIVE_INFINITY
  #next = 0
  #closed = false

  constructor(options: ClusterMetadataOptions) {
    this.#options = options
    this.#bootstrap = options.bootstrap
  }

  /** Other addresses to start from; connections that stand are kept. */
  reach(bootstrap: readonly string[]): void {
    this.#bootstrap = bootstrap
  }

  /** Topics to ask for from now on; bounded by the caller (placed topics only). */
  want(topic: string): void {
    this.#wanted.add(topic)
  }

  forget(topic: string): void {
    this.#wanted.delete(topic)
    this.#topics.delete(topic)
  }

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  broker(id: number): BrokerAddress | undefined {
    return this.#brokers.get(id)
  }

  /** Whether the broker leads a partition of a wanted topic, by the latest metadata. Looks at all of them. */
  leads(broker: number): boolean {
    for (const { partitions } of this.#topics.values()) {
      if (partitions.some(({ leader }) => leader === broker)) return true
    }
    return false
  }

  /** Brokers that the latest answer named: those that the cluster takes for alive. */
  aliveBrokers(): readonly number[] {
    return this.#alive
  }

  /**
   * One refresh at a time; callers share it. Rejects when no broker answers. Topics of which nothing is known are asked for first;
   * `onPart` (of whoever began it) is called when a part of the answer was taken and more is to come.
   */
  refresh(onPart?: () => void): Promise<RefreshResult> {
    this.#refreshing ??= this.#refresh(onPart).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  close(): void {
    this.#closed = true
    this.#drop()
  }

  async #refresh(onPart: (() => void) | undefined): Promise<RefreshResult> {
    const minIntervalMs = this.#options.minIntervalMs ?? defaultMinIntervalMs
    const waitMs = this.#lastRefreshMs + minIntervalMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    this.#lastRefreshMs = performance.now()
    const parts = this.#parts()
    const result = { changed: [] as string[], remade: [] as string[], missing: [] as string[] }
    for (const [index, topics] of parts.entries()) {
      this.#take(await this.#askSomebody(topics), result)
      if (index < parts.length - 1) onPart?.()
    }
    return result
  }

  /** At least one, which may be of no topics: brokers are asked for too. */
  #parts(): readonly (readonly string[])[] {
    const unknown: string[] = []
    const known: string[] = []
    for (const topic of this.#wanted) (this.#topics.has(topic) ? known : unknown).push(topic)
    const topics = [...unknown, ...known]
    const parts: string[][] = []
    for (let from = 0; from === 0 || from < topics.length; from += topicsPerRequest) {
      parts.push(topics.slice(from, from + topicsPerRequest))
    }
    return parts
  }

  async #askSomebody(topics: readonly string[]): Promise<MetadataResponse> {
    const candidates = this.#candidates()
    let cause: unknown = new Error('no broker address is known')
    for (let attempt = 0; attempt < candidates.length && !this.#closed; attempt += 1) {
      try {
        return await this.#ask(candidates, topics)
      } catch (error) {
        cause = error
        this.#drop()
        this.#next += 1
      }
    }
    throw new Error(`no broker of ${this.#bootstrap.join(',')} answered a metadata request`, { cause })
  }

  /** Not awaited: the library's `close` never settles on a connection whose connecting timed out. */
  #drop(): void {
    this.#connection?.socket?.destroy()
    this.#connection = undefined
  }

  #candidates(): readonly BrokerAddress[] {
    const known = [...this.#brokers.values()]
    const first = this.#bootstrap.map(parseAddress)
    return [...known, ...first.filter((a) => !known.some((b) => a.host === b.host && a.port === b.port))]
  }

  async #ask(candidates: readonly BrokerAddress[], topics: readonly string[]): Promise<MetadataResponse> {
    const timeoutMs = this.#options.timeoutMs ?? defaultTimeoutMs
    if (this.#connection?.isConnected() !== true) {
      const address = candidates[this.#next % candidates.length]
      if (address === undefined) throw new Error('no broker address is known')
      const connection = new Connection(this.#options.clientId, {
        connectTimeout: timeoutMs,
        requestTimeout: timeoutMs,
        ...certifiedAs(address.host, this.#options.security),
      })
      connection.on('error', () => {
        // The pending call rejects with it; between calls the next one opens another connection.
      })
      this.#connection = connection
      await connectByName(connection, address, timeoutMs)
      if (this.#closed) connection.socket.destroy()
    }
    try {
      return await metadataV12.api.async(this.#connection, [...topics], false, false)
    } catch (error) {
      // One topic that is not there yet rejects the whole answer, which hangs on the error.
      const response = (error as { response?: MetadataResponse }).response
      if (response !== undefined) return response
      throw error
    }
  }

  #take(
    response: MetadataResponse,
    result: { changed: string[]; remade: string[]; missing: string[] },
  ): void {
    for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { host, port })
    this.#alive = response.brokers.map(({ nodeId }) => nodeId)
    for (const topic of response.topics) {
      const { name } = topic
      // It may have been forgotten since it was asked for.
      if (typeof name !== 'string' || !this.#wanted.has(name)) continue
      if (topic.errorCode === unknownTopic) result.missing.push(name)
      if (topic.errorCode !== 0) continue
      const partitions: PartitionLeader[] = []
      for (const partition of topic.partitions) {
        partitions[partition.partitionIndex] = {
          leader: partition.leaderId,
          leaderEpoch: partition.leaderEpoch,
        }
      }
      const before = this.#topics.get(name)
      const next = { topicId: topic.topicId, partitions }
      if (!sameTopic(before, next)) result.changed.push(name)
      if (before !== undefined && before.topicId !== next.topicId) result.remade.push(name)
      this.#topics.set(name, next)
    }
  }
}

function sameTopic(before: TopicMetadata | undefined, after: TopicMetadata): boolean {
  return (
    before !== undefined &&
    before.topicId === after.topicId &&
    before.partitions.length === after.partitions.length &&
    before.partitions.every(
      (partition, index) =>
        partition.leader === after.partitions[index]?.leader &&
        partition.leaderEpoch === after.partitions[index]?.leaderEpoch,
    )
  )
}

/** `host:port`, also with an IPv6 host in brackets. Throws a TypeError on anything else. */
export function parseAddress(text: string): BrokerAddress {
  const match = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text)
  if (match?.[1] === undefined) throw new TypeError(`"${text}" is not host:port`)
  return { host: match[1], port: Number(match[2]) }
}
