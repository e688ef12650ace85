import { systemClock } from '../../core/clock.ts'
import { codecName, decompress } from '../../kafka/compression.ts'
import type { FetchedChunk, FetchSubscription } from '../../kafka/fetch-subscription.ts'
import { ClusterFetcher } from '../../kafka/fetcher.ts'
import {
  codecOf,
  isAbortMarker,
  isControl,
  isTransactional,
  payloadOf,
  type RecordBatch,
  visitRecords,
} from '../../kafka/record-batch-reader.ts'
import { CommandFailure } from '../failure.ts'
import { type TailedRecord, tailedRecord } from './record.ts'
import type { TailSource } from './source.ts'

export interface FollowOptions {
  readonly from: 'earliest' | 'latest'
  /** End where the log ended when it was begun. */
  readonly untilEnd: boolean
  /** False = enough. */
  readonly onRecord: (record: TailedRecord) => boolean
  readonly onTrouble: (message: string) => void
  readonly signal: AbortSignal
}

const maxBatchBytes = 256 * 2 ** 20
const fetchBytes = 2 ** 20

/**
 * Hands over the committed records of every partition, in the order of each, until there are enough, the end is reached or it is
 * interrupted. Rejects with `CommandFailure` when the cluster cannot be read at all.
 */
export async function follow({ cluster, topic }: TailSource, options: FollowOptions): Promise<void> {
  const fetcher = new ClusterFetcher({
    clusterId: cluster.id,
    bootstrap: cluster.bootstrap,
    clientId: 'forebay-tail',
    clock: systemClock,
    maxWaitMs: 500,
    maxBytes: 8 * fetchBytes,
    requestTimeoutMs: 5000,
    warn: (_detail, message) => options.onTrouble(message),
  })
  // The fetcher's own timers do not keep the process alive.
  const alive = setInterval(() => undefined, 1000)
  try {
    await new Follower(fetcher, { cluster, topic }, options).run()
  } finally {
    clearInterval(alive)
    await fetcher.close()
  }
}

class Follower {
  readonly #fetcher: ClusterFetcher
  readonly #source: TailSource
  readonly #options: FollowOptions
  readonly #done = Promise.withResolvers<void>()
  /** Partition → first offset that is not wanted any more. */
  readonly #missing = new Map<number, number>()
  /** Chunks are printed one after the other, though decompression is asynchronous. */
  #printing: Promise<void> = Promise.resolve()
  #enough = false

  constructor(fetcher: ClusterFetcher, source: TailSource, options: FollowOptions) {
    this.#fetcher = fetcher
    this.#source = source
    this.#options = options
  }

  async run(): Promise<void> {
    const { signal, from, untilEnd } = this.#options
    if (signal.aborted) return
    signal.addEventListener('abort', () => this.#done.resolve(), { once: true })
    const { starts, ends } = await this.#positions()
    if (untilEnd) {
      for (const [partition, { offset }] of ends) {
        if (from === 'earliest' && offset > (starts.get(partition)?.offset ?? 0))
          this.#missing.set(partition, offset)
      }
      if (this.#missing.size === 0) return
    }
    const budget = { usedBytes: 0, limitBytes: 64 * 2 ** 20 }
    for (const [partition, position] of starts) {
      const subscription: FetchSubscription = this.#fetcher.subscribe({
        topic: this.#source.topic,
        partition,
        position,
        maxBytes: fetchBytes,
        budget,
        handler: {
          onChunk: (chunk) => this.#onChunk(subscription, chunk),
          onReposition: (reason, before, to) =>
            this.#options.onTrouble(
              `partition ${partition}: ${reason}, from offset ${before} to ${to.offset}`,
            ),
        },
      })
    }
    await this.#done.promise
  }

  async #positions() {
    const { cluster, topic } = this.#source
    try {
      const count = await this.#fetcher.partitionCount(topic)
      const partitions = Array.from({ length: count }, (_, partition) => partition)
      const ends = await this.#fetcher.ends(topic, partitions, 'latest')
      const starts =
        this.#options.from === 'latest' ? ends : await this.#fetcher.ends(topic, partitions, 'earliest')
      return { starts, ends }
    } catch (error) {
      throw new CommandFailure(`${topic} on ${cluster.id} cannot be read: ${(error as Error).message}`, {
        advice: `Are its brokers running? ${cluster.bootstrap.join(', ')}`,
        cause: error,
      })
    }
  }

  #onChunk(subscription: FetchSubscription, chunk: FetchedChunk): void {
    this.#printing = this.#printing.then(async () => {
      try {
        for (const batch of committed(chunk))
          await this.#print(subscription.partition, batch, chunk.fromOffset)
        const end = this.#missing.get(subscription.partition)
        if (end !== undefined && chunk.next.offset >= end) this.#missing.delete(subscription.partition)
        if (this.#enough || (this.#options.untilEnd && this.#missing.size === 0)) this.#done.resolve()
        subscription.consumed(chunk.bytes)
      } catch (error) {
        this.#done.reject(error)
      }
    })
  }

  async #print(partition: number, batch: RecordBatch, fromOffset: number): Promise<void> {
    const payload = await decompress(codecName(codecOf(batch)), payloadOf(batch), maxBatchBytes)
    const place = { cluster: this.#source.cluster.id, topic: this.#source.topic, partition }
    const limit = this.#options.untilEnd ? (this.#missing.get(partition) ?? 0) : Number.POSITIVE_INFINITY
    visitRecords(batch, payload, (cursor) => {
      if (this.#enough || cursor.offset < fromOffset || cursor.offset >= limit) return
      this.#enough = !this.#options.onRecord(tailedRecord(place, cursor))
    })
  }
}

/** Without markers and the records of aborted transactions (KIP-98). */
function committed({ batches, aborted }: FetchedChunk): RecordBatch[] {
  const open = new Set<bigint>()
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  return batches.filter((batch) => {
    while (waiting[0] !== undefined && waiting[0].firstOffset <= batch.lastOffset) {
      open.add(waiting[0].producerId)
      waiting.shift()
    }
    if (!isControl(batch)) return !(isTransactional(batch) && open.has(batch.producerId))
    if (open.has(batch.producerId) && isAbortMarker(batch)) open.delete(batch.producerId)
    return false
  })
}
