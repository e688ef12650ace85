import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, type ConnectionOptions, metadataV12 } from '@platformatic/kafka'
import type { BrokerAddress } from './frame-socket.ts'

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
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

export interface RefreshResult {
  /** Topics whose leaders, id or partition count changed. */
  readonly changed: readonly string[]
}

/** Never asked more often than this, however many callers are in a hurry. */
const minRefreshIntervalMs = 100
const defaultTimeoutMs = 1000

/**
 * Who leads which partition, for the topics somebody is interested in. Asks one broker at a time on a connection of its own and goes to
 * the next when it does not answer in time. Knows only what brokers say: `controllerId` and liveness are not in it (rules, "Kafka facts").
 */
export class ClusterMetadata {
  readonly #options: ClusterMetadataOptions
  readonly #topics = new Map<string, TopicMetadata>()
  readonly #brokers = new Map<number, BrokerAddress>()
  readonly #wanted = new Set<string>()
  #connection: Connection | undefined
  #refreshing: Promise<RefreshResult> | undefined
  #lastRefreshMs = Number.NEGATIVE_INFINITY
  #next = 0
  #closed = false

  constructor(options: ClusterMetadataOptions) {
    this.#options = options
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

  brokerIds(): readonly number[] {
    return [...this.#brokers.keys()]
  }

  /** One refresh at a time; callers share it. Rejects when no broker answers. */
  refresh(): Promise<RefreshResult> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  close(): void {
    this.#closed = true
    this.#drop()
  }

  async #refresh(): Promise<RefreshResult> {
    const waitMs = this.#lastRefreshMs + minRefreshIntervalMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    this.#lastRefreshMs = performance.now()
    const candidates = this.#candidates()
    let cause: unknown = new Error('no broker address is known')
    for (let attempt = 0; attempt < candidates.length && !this.#closed; attempt += 1) {
      try {
        return this.#take(await this.#ask(candidates))
      } catch (error) {
        cause = error
        this.#drop()
        this.#next += 1
      }
    }
    throw new Error(`no broker of ${this.#options.bootstrap.join(',')} answered a metadata request`, {
      cause,
    })
  }

  /** Not awaited: the library's `close` never settles on a connection whose connecting timed out. */
  #drop(): void {
    this.#connection?.socket?.destroy()
    this.#connection = undefined
  }

  #candidates(): readonly BrokerAddress[] {
    const known = [...this.#brokers.values()]
    const first = this.#options.bootstrap.map(parseAddress)
    return [...known, ...first.filter((a) => !known.some((b) => a.host === b.host && a.port === b.port))]
  }

  async #ask(candidates: readonly BrokerAddress[]): Promise<MetadataResponse> {
    const timeoutMs = this.#options.timeoutMs ?? defaultTimeoutMs
    if (this.#connection?.isConnected() !== true) {
      const address = candidates[this.#next % candidates.length]
      if (address === undefined) throw new Error('no broker address is known')
      const connection = new Connection(this.#options.clientId, {
        connectTimeout: timeoutMs,
        requestTimeout: timeoutMs,
        ...this.#options.security,
      })
      connection.on('error', () => {
        // The pending call rejects with it; between calls the next one opens another connection.
      })
      this.#connection = connection
      await connection.connect(address.host, address.port)
    }
    try {
      return await metadataV12.api.async(this.#connection, [...this.#wanted], false, false)
    } catch (error) {
      // One topic that is not there yet rejects the whole answer, which hangs on the error.
      const response = (error as { response?: MetadataResponse }).response
      if (response !== undefined) return response
      throw error
    }
  }

  #take(response: MetadataResponse): RefreshResult {
    const changed: string[] = []
    for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { host, port })
    for (const topic of response.topics) {
      const { name } = topic
      if (typeof name !== 'string' || topic.errorCode !== 0) continue
      const partitions: PartitionLeader[] = []
      for (const partition of topic.partitions) {
        partitions[partition.partitionIndex] = {
          leader: partition.leaderId,
          leaderEpoch: partition.leaderEpoch,
        }
      }
      const next = { topicId: topic.topicId, partitions }
      if (!sameTopic(this.#topics.get(name), next)) changed.push(name)
      this.#topics.set(name, next)
    }
    return { changed }
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
