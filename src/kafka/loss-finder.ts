import { setTimeout as sleep } from 'node:timers/promises'
import { AcknowledgedTail, type Suspect } from './acknowledged-tail.ts'
import type { ClusterMetadata } from './cluster-metadata.ts'
import {
  decodeEpochEndResponse,
  encodeEpochEndRequest,
  epochEndApiKey,
  epochEndApiVersion,
} from './epoch-end-protocol.ts'
import { decodeFetchResponse, encodeFetchRequest, fetchApiKey, fetchApiVersion } from './fetch-protocol.ts'
import { FrameSocket } from './frame-socket.ts'

export interface LossFinderOptions {
  readonly metadata: ClusterMetadata
  readonly clientId: string
  /** Records that were acknowledged to us and that the log does not hold any more. */
  readonly onLost: (topic: string, records: number) => void
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
}

export interface AcknowledgedBatch {
  readonly topic: string
  readonly partition: number
  /** Of the leader as the metadata had it when the batch was sent. */
  readonly leaderEpoch: number
  readonly baseOffset: bigint
  readonly records: number
  /** As they were sent; not kept. */
  readonly bytes: Buffer
}

interface TopicTails {
  /** A topic that was made anew has nothing of what was acknowledged before. */
  topicId: string
  /** By partition. */
  readonly tails: AcknowledgedTail[]
}

interface Check {
  readonly topic: string
  readonly partition: number
  readonly tail: AcknowledgedTail
  readonly leaderEpoch: number
}

const timeoutMs = 2000
/** A new leader shows only what its followers have: what came right after its election appears a little later. */
const visibleAfterMs = 2000
const nothing = Buffer.alloc(0)
const offsetOutOfRange = 1
const headBytes = 21
const crcAt = 17
const suspectMaxBytes = 2 ** 20

/**
 * Counts what Kafka lost after it had acknowledged it (semantics "Accounting"): with acks=1, what the leader had and no follower, when
 * the leader was lost. After a change of leader the new one is asked where its log leaves our epoch (KIP-101), and only what lies beyond
 * is looked at. One question for all partitions of a broker, nothing on the way of a batch but a note.
 */
export class LossFinder {
  readonly #options: LossFinderOptions
  readonly #topics = new Map<string, TopicTails>()
  #running = false
  #closed = false

  constructor(options: LossFinderOptions) {
    this.#options = options
  }

  acknowledged({ topic, partition, leaderEpoch, baseOffset, records, bytes }: AcknowledgedBatch): void {
    const known = this.#options.metadata.topic(topic)
    if (known === undefined || baseOffset < 0n) return
    let tails = this.#topics.get(topic)
    if (tails?.topicId !== known.topicId) {
      tails = { topicId: known.topicId, tails: [] }
      this.#topics.set(topic, tails)
    }
    let tail = tails.tails[partition]
    if (tail === undefined) {
      tail = new AcknowledgedTail()
      tails.tails[partition] = tail
    }
    tail.add(leaderEpoch, Number(baseOffset), records, bytes)
  }

  /** Nothing is left to find out about the topic: its leaders are those that acknowledged, or were asked. */
  isSettled(topic: string): boolean {
    return this.#checksOf(topic).length === 0
  }

  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  /** The metadata are fresh: asks about the partitions that have another leader now. */
  look(): void {
    if (this.#running || this.#closed) return
    const checks = [...this.#topics.keys()].flatMap((topic) => this.#checksOf(topic))
    if (checks.length === 0) return
    this.#running = true
    this.#run(checks)
      .catch((error: unknown) => {
        this.#options.warn({ err: error }, 'what Kafka lost could not be asked yet')
      })
      .finally(() => {
        this.#running = false
      })
  }

  close(): void {
    this.#closed = true
  }

  #checksOf(topic: string): readonly Check[] {
    const own = this.#topics.get(topic)
    const known = this.#options.metadata.topic(topic)
    if (own === undefined || known === undefined || own.topicId !== known.topicId) return []
    return own.tails.flatMap((tail, partition) => {
      const now = known.partitions[partition]
      if (tail === undefined || now === undefined || now.leader < 0 || !tail.needsCheck(now.leaderEpoch))
        return []
      return [{ topic, partition, tail, leaderEpoch: now.leaderEpoch }]
    })
  }

  async #run(checks: readonly Check[]): Promise<void> {
    const { metadata } = this.#options
    const byLeader = Map.groupBy(
      checks,
      ({ topic, partition }) => metadata.topic(topic)?.partitions[partition]?.leader ?? -1,
    )
    for (const [leader, some] of byLeader) {
      const address = metadata.broker(leader)
      if (address === undefined || this.#closed) continue
      const socket = await FrameSocket.open(address, {
        clientId: this.#options.clientId,
        connectTimeoutMs: timeoutMs,
      })
      try {
        await this.#askLeader(socket, some)
      } finally {
        socket.close()
      }
    }
  }

  async #askLeader(socket: FrameSocket, checks: readonly Check[]): Promise<void> {
    const topics = [...Map.groupBy(checks, ({ topic }) => topic)].map(([topic, some]) => ({
      topic,
      partitions: some.map(({ partition, tail, leaderEpoch }) => ({
        partition,
        currentLeaderEpoch: leaderEpoch,
        leaderEpoch: tail.newestEpoch,
      })),
    }))
    const answer = await ask(socket, epochEndApiKey, epochEndApiVersion, encodeEpochEndRequest(topics))
    const ends = new Map(
      decodeEpochEndResponse(answer).flatMap(({ topic, partitions }) =>
        partitions.map((end) => [`${topic}/${end.partition}`, end] as const),
      ),
    )
    for (const check of checks) {
      const end = ends.get(`${check.topic}/${check.partition}`)
      if (end === undefined || end.code !== 0 || end.endOffset < 0) continue
      await this.#settle(socket, check, end.endOffset)
    }
  }

  async #settle(
    socket: FrameSocket,
    { topic, partition, tail, leaderEpoch }: Check,
    endOffset: number,
  ): Promise<void> {
    const suspect = tail.suspect(endOffset)
    if (suspect !== undefined) {
      if (await this.#isThere(socket, topic, partition, suspect)) tail.confirm(suspect)
      const lost = tail.cutOff(endOffset)
      if (lost > 0) {
        this.#options.onLost(topic, lost)
        this.#options.warn({ topic, partition, lost, endOffset, leaderEpoch }, 'acknowledged events are gone')
      }
    }
    tail.checkedEpoch = leaderEpoch
  }

  async #isThere(socket: FrameSocket, topic: string, partition: number, suspect: Suspect): Promise<boolean> {
    await sleep(visibleAfterMs)
    const topicId = this.#topics.get(topic)?.topicId
    if (topicId === undefined) return false
    const request = encodeFetchRequest({
      maxWaitMs: 0,
      maxBytes: suspectMaxBytes,
      topics: [
        {
          topicId,
          partitions: [
            {
              partition,
              fetchOffset: suspect.offset,
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
              maxBytes: suspectMaxBytes,
            },
          ],
        },
      ],
    })
    const answer = decodeFetchResponse(await ask(socket, fetchApiKey, fetchApiVersion, request))
    const { code, records } = answer.partitions[0] ?? { code: answer.code, records: nothing }
    if (code !== 0 && code !== offsetOutOfRange)
      throw new Error(`${topic}-${partition}: fetch answered code ${code}`)
    if (records.length < headBytes) return false
    return Number(records.readBigInt64BE(0)) === suspect.offset && records.readUInt32BE(crcAt) === suspect.crc
  }
}

function ask(socket: FrameSocket, apiKey: number, apiVersion: number, body: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.request(apiKey, apiVersion, [body], timeoutMs, (error, response) => {
      if (response !== undefined) resolve(response)
      else reject(error ?? new Error('the answer is missing'))
    })
  })
}
