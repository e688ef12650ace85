import type { LogPosition } from './offsets.ts'
import type { RecordBatch } from './record-batch-reader.ts'

/** What one answer brought for one subscription. */
export interface FetchedChunk {
  /** Of the log that it was read from: offsets mean nothing without it. */
  readonly topicId: string
  /** Whole batches with a valid CRC, in order; their bytes belong to the handler. */
  readonly batches: readonly RecordBatch[]
  /** Records before it were not asked for, though the first batch may hold some. */
  readonly fromOffset: number
  /** Where to go on when all of it is consumed. */
  readonly next: LogPosition
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
  /** Size of the batches: to be given back to `consumed`. */
  readonly bytes: number
}

/** Why a position was moved other than by reading. */
export type RepositionReason =
  /** The leader's log left what we read (divergingEpoch): the records since are rewritten. */
  | 'diverged'
  /** The position is not in the log any more, by retention or an unclean election. */
  | 'out-of-range'
  /** The topic was deleted and made anew. */
  | 'topic-replaced'
  /** The log does not begin at the offset 0 that `fromStart` took for granted: nothing is lost. */
  | 'start-found'

export interface FetchHandler {
  /** Called with each answer that holds batches; takes them at once, and says `consumed` when it is done with them. Must not throw. */
  onChunk(chunk: FetchedChunk): void
  /**
   * The next chunk starts at `to`. After `diverged`, what was read and not delivered yet is void, and comes again; otherwise it was in the
   * log and is still good. `records`: so many offsets were read and are rewritten, or are gone unread, as far as is known. Must not throw.
   */
  onReposition(reason: RepositionReason, from: number, to: LogPosition, records: number): void
  /** Where a rewind may have to go back to: what is behind it and was read will not be delivered after `diverged`. Default: everything is. */
  readonly delivered?: () => LogPosition
}

/** Bytes that were fetched and not consumed yet, of everything that shares a bound (one routing job). */
export interface FetchBudget {
  usedBytes: number
  readonly limitBytes: number
}

export interface SubscriptionOptions {
  readonly topic: string
  readonly partition: number
  readonly position: LogPosition
  /** Of the topic that `position` was noted for; one of another id begins anew. Default: of the topic that is found. */
  readonly topicId?: string
  /** `position` is offset 0 because the log is to be read from its start, wherever that is. */
  readonly fromStart?: boolean
  /** Most bytes of one answer; a single larger batch comes whole. */
  readonly maxBytes: number
  readonly budget: FetchBudget
  readonly handler: FetchHandler
}

/**
 * One reader of one topic-partition, with a position of its own. Not fetched while paused, while as much as one answer waits to be
 * consumed, or while its budget is used up: so what a slow sink holds is bounded by two answers.
 */
export class FetchSubscription {
  readonly topic: string
  readonly partition: number
  readonly maxBytes: number
  readonly handler: FetchHandler
  readonly #budget: FetchBudget
  readonly #onReady: (subscription: FetchSubscription) => void
  position: LogPosition
  /** Of the topic when it was first fetched. */
  topicId: string | undefined
  /** Its position is an assumption until a record was read. */
  fromStart: boolean
  /** Number of the round that last brought records. */
  lastRound = 0
  paused = false
  closed = false
  /** While its position is being looked up. */
  resolving = false
  /** Not asked for before this (monotonic), after an error. */
  notBeforeMs = 0
  /** Errors in a row. */
  failures = 0
  /** Since when it has been left out because of what is not consumed; 0 = it is not. */
  fullSinceMs = 0
  #unconsumedBytes = 0

  constructor(options: SubscriptionOptions, onReady: (subscription: FetchSubscription) => void) {
    this.topic = options.topic
    this.partition = options.partition
    this.maxBytes = options.maxBytes
    this.handler = options.handler
    this.position = options.position
    this.topicId = options.topicId
    this.fromStart = options.fromStart === true
    this.#budget = options.budget
    this.#onReady = onReady
  }

  get isFull(): boolean {
    if (this.#unconsumedBytes >= this.maxBytes) return true
    return this.#unconsumedBytes > 0 && this.#budget.usedBytes >= this.#budget.limitBytes
  }

  /** Internal to the fetcher: bytes handed over. */
  took(bytes: number): void {
    this.#unconsumedBytes += bytes
    this.#budget.usedBytes += bytes
  }

  /** The handler is done with so many bytes. */
  consumed(bytes: number): void {
    this.#unconsumedBytes -= bytes
    this.#budget.usedBytes -= bytes
    if (!this.closed) this.#onReady(this)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.#onReady(this)
  }
}
