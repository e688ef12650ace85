import { setTimeout as sleep } from 'node:timers/promises'
import { AcknowledgedTail, type Suspect } from './acknowledged-tail.ts'
import type { AssembledBatch } from './assembly.ts'
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
/** Pause before what could not be asked, or has changed meanwhile, is looked at again. */
const againMs = 3000
/** A topic that went elsewhere is forgotten when its leaders stayed the same for so long. */
const heardMs = 30_000
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
  /** Topics that went elsewhere, and since when (monotonic) their leaders are heard again. */
  readonly #leaving = new Map<string, number | undefined>()
  #running = false
  #closed = false

  constructor(options: LossFinderOptions) {
    this.#options = options
  }

  /** Once per acknowledged batch, before it is settled: its bytes are not kept. */
  acknowledged({ entry, partition, bytes, leaderEpoch = -1 }: AssembledBatch, baseOffset: bigint): void {
    const { topic } = entry.batch
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
    tail.add(leaderEpoch, Number(baseOffset), entry.records, bytes)
  }

  /**
   * The topic goes elsewhere. From a cluster in trouble its leaders are asked for until they were heard again: only then is known what is
   * left of it there.
   */
  leave(topic: string, inTrouble: boolean): void {
    if (inTrouble && this.#topics.has(topic)) this.#leaving.set(topic, undefined)
    else {
      this.#topics.delete(topic)
      this.#options.metadata.forget(topic)
    }
  }

  /** It is back before that. */
  stay(topic: string): void {
    this.#leaving.delete(topic)
  }

  /** The metadata are fresh: asks about the partitions that have another leader now. `missing`: topics that are not there any more. */
  look(missing: readonly string[]): void {
    for (const topic of missing) this.#forget(topic)
    if (this.#running || this.#closed) return
    const checks: Check[] = []
    for (const topic of [...this.#topics.keys()]) {
      const own = this.#checksOf(topic)
      checks.push(...own)
      if (own.length === 0 && this.#leaving.has(topic)) this.#hear(topic)
    }
    if (checks.length === 0) return
    this.#running = true
    this.#run(checks)
      .catch((error: unknown) => {
        this.#options.warn({ err: error }, 'what Kafka lost could not be asked yet')
      })
      .finally(() => {
        this.#running = false
        setTimeout(() => this.look([]), againMs).unref()
      })
  }

  close(): void {
    this.#closed = true
  }

  #forget(topic: string): void {
    this.#topics.delete(topic)
    if (this.#leaving.delete(topic)) this.#options.metadata.forget(topic)
  }

  /** A cluster that starts again names its old leaders for a moment, so it is heard for a while. */
  #hear(topic: string): void {
    const isLed = this.#options.metadata.topic(topic)?.partitions.every(({ leader }) => leader >= 0) ?? false
    const sinceMs = isLed ? (this.#leaving.get(topic) ?? performance.now()) : undefined
    if (sinceMs !== undefined && performance.now() - sinceMs >= heardMs) this.#forget(topic)
    else this.#leaving.set(topic, sinceMs)
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
