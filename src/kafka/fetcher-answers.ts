import type { Clock } from '../core/clock.ts'
import type { FetchCandidate } from './fetch-plan.ts'
import type { FetchedPartition } from './fetch-protocol.ts'
import { rewindTo } from './fetch-rewind.ts'
import type { FetchSubscription, RepositionReason } from './fetch-subscription.ts'
import type { FetcherMetadata } from './fetcher-metadata.ts'
import { isMilestone } from './milestone.ts'
import type { LogPosition } from './offsets.ts'
import { hasValidCrc, readBatches } from './record-batch-reader.ts'

/** A subscription as it was asked for. */
export interface Candidate extends FetchCandidate {
  readonly subscription: FetchSubscription
}

export interface FetchAnswersOptions {
  readonly clusterId: string
  readonly clock: Clock
  readonly metadata: FetcherMetadata
  /** What is held back may be asked for again then. */
  readonly wakeIn: (delayMs: number) => void
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
}

const outOfRange = 1
/** UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID: it was deleted, or the broker has not heard of it yet. */
const goneCodes: readonly number[] = [3, 100, 103]
const firstErrorPauseMs = 100
const longestErrorPauseMs = 5_000

/**
 * Takes answers to the subscriptions that asked: hands over what was read, and moves a position only as semantics "Records" says: to
 * where the log diverged, or to the earliest record when the position is not there any more.
 */
export class FetchAnswers {
  readonly #options: FetchAnswersOptions
  /** End of the readable log by `topicId/partition`, from the latest answer. */
  readonly #ends = new Map<string, number>()
  #round = 0

  constructor(options: FetchAnswersOptions) {
    this.#options = options
  }

  /** End of what can be read (the last stable offset); `undefined` until the first answer. */
  readableEnd(topicId: string | undefined, partition: number): number | undefined {
    return this.#ends.get(`${topicId}/${partition}`)
  }

  /** A request is made: what comes now has come later than all before. */
  beginRound(): void {
    this.#round += 1
  }

  take(asked: readonly Candidate[], partitions: readonly FetchedPartition[]): void {
    const byKey = new Map(
      asked.map((candidate) => [`${candidate.topicId}/${candidate.partition}`, candidate]),
    )
    for (const fetched of partitions) {
      const key = `${fetched.topicId}/${fetched.partition}`
      const candidate = byKey.get(key)
      if (candidate === undefined || !this.#isCurrent(candidate)) continue
      const { subscription } = candidate
      if (fetched.code !== 0) this.#onError(subscription, fetched.code)
      else {
        this.#ends.set(key, fetched.lastStableOffset < 0 ? fetched.highWatermark : fetched.lastStableOffset)
        this.#onFetched(subscription, fetched)
      }
    }
  }

  /** Records read before are void after `diverged` only: see `FetchHandler`. */
  reposition(
    subscription: FetchSubscription,
    reason: RepositionReason,
    to: LogPosition,
    records: number,
  ): void {
    const from = subscription.position.offset
    subscription.position = to
    subscription.handler.onReposition(reason, from, to, records)
  }

  /** The topic of that name is another one now: it is read from its start. What could be read of the old one and was not is lost. */
  replaced(subscription: FetchSubscription, topicId: string): void {
    const { position, partition } = subscription
    const end = this.readableEnd(subscription.topicId, partition) ?? position.offset
    this.#ends.delete(`${subscription.topicId}/${partition}`)
    subscription.topicId = topicId
    subscription.fromStart = true
    const records = Math.max(0, end - position.offset)
    this.reposition(subscription, 'topic-replaced', { offset: 0, leaderEpoch: -1 }, records)
  }

  #isCurrent({ subscription, fetchOffset, topicId, currentLeaderEpoch }: Candidate): boolean {
    if (subscription.closed || subscription.position.offset !== fetchOffset) return false
    if (subscription.topicId !== topicId) return false
    // A broker that hung may answer when another leads: that one is asked.
    const { topic, partition } = subscription
    return (this.#options.metadata.partition(topic, partition)?.leaderEpoch ?? -1) <= currentLeaderEpoch
  }

  #onFetched(subscription: FetchSubscription, fetched: FetchedPartition): void {
    const { diverging, topicId, aborted, records } = fetched
    const { position, handler } = subscription
    if (diverging !== undefined && diverging.endOffset >= 0) {
      const to = rewindTo(diverging, position, handler.delivered?.() ?? position)
      this.reposition(subscription, 'diverged', to, Math.max(0, position.offset - diverging.endOffset))
      return
    }
    if (records.length === 0) {
      subscription.failures = 0
      return
    }
    const batches = readBatches(records)
    const last = batches.at(-1)
    if (last === undefined) return
    if (!batches.every(hasValidCrc)) {
      this.#holdBack(subscription, 'a fetched batch has a wrong CRC and is fetched again')
      return
    }
    subscription.failures = 0
    subscription.fromStart = false
    subscription.lastRound = this.#round
    const next = { offset: last.lastOffset + 1, leaderEpoch: last.leaderEpoch }
    const bytes = records.length
    subscription.position = next
    subscription.took(bytes)
    handler.onChunk({ topicId, batches, fromOffset: position.offset, next, aborted, bytes })
  }

  #onError(subscription: FetchSubscription, code: number): void {
    const { metadata } = this.#options
    if (code === outOfRange) {
      this.#resolveEarliest(subscription)
      return
    }
    // Moved leaders are told by these codes too: new metadata decide what they mean.
    if (goneCodes.includes(code)) metadata.forget(subscription.topic)
    metadata.ask('now')
    this.#holdBack(subscription, `a broker answers the fetch of a partition with error ${code}`)
  }

  #holdBack(subscription: FetchSubscription, message: string): void {
    const { clock, clusterId, warn, wakeIn } = this.#options
    const pauseMs = Math.min(
      longestErrorPauseMs,
      firstErrorPauseMs * 2 ** Math.min(subscription.failures, 10),
    )
    subscription.notBeforeMs = clock.monotonicMs() + pauseMs
    subscription.failures += 1
    const { topic, partition, failures } = subscription
    // A leader that moves is nothing to speak of; one that stays away is.
    if (failures > 2 && isMilestone(failures))
      warn({ cluster: clusterId, topic, partition, failures }, message)
    wakeIn(pauseMs + 1)
  }

  #resolveEarliest(subscription: FetchSubscription): void {
    const { metadata, wakeIn } = this.#options
    const { topic, partition } = subscription
    subscription.resolving = true
    metadata.ends(topic, [partition], 'earliest').then(
      (found) => {
        subscription.resolving = false
        const earliest = found.get(partition)
        if (earliest !== undefined && !subscription.closed) {
          const reason = subscription.fromStart ? 'start-found' : 'out-of-range'
          const records = Math.abs(earliest.offset - subscription.position.offset)
          this.reposition(subscription, reason, earliest, records)
        }
        wakeIn(0)
      },
      (error: unknown) => {
        subscription.resolving = false
        metadata.ask('now')
        this.#holdBack(subscription, `the earliest offset is not known: ${String(error)}`)
      },
    )
  }
}
