import type { FetchedChunk } from '../../src/kafka/fetch-subscription.ts'
import type { CommittedPosition } from '../../src/kafka/group-offsets.ts'
import type { LogPosition } from '../../src/kafka/offsets.ts'
import type { Sink, SinkResult } from '../sink/sink.ts'
import { committedBatches } from '../transform/committed.ts'

export interface PartitionFlowOptions {
  readonly partition: number
  readonly start: CommittedPosition
  /** Wall clock: nothing older was waited for here. */
  readonly startedMs: number
  readonly sink: Sink
  readonly sourcePartitions: () => number
  /** Asked when a chunk has come; it is delivered when this resolves. `undefined` = now. Must not reject. */
  readonly admit: () => Promise<void> | undefined
  /** So many fetched bytes are done with. */
  readonly consumed: (bytes: number) => void
  readonly onResult: (result: SinkResult) => void
  /** The position moved: it is to be committed. */
  readonly onProgress: () => void
  /** A fault of ours, or bytes that are no record batch: the flow has stopped. */
  readonly onCrash: (error: unknown) => void
}

interface Waiting {
  readonly chunk: FetchedChunk
  readonly admitted: Promise<void> | undefined
}

/** What comes next in the queue stands elsewhere. */
interface Move {
  readonly to: CommittedPosition
}

const firstBackOffMs = 100
const longestBackOffMs = 10_000

/**
 * Takes what was fetched of one partition to the sink, chunk by chunk and in order. What the sink refuses is tried again, with growing
 * pauses, for ever: nothing is skipped.
 */
export class PartitionFlow {
  readonly partition: number
  readonly startedMs: number
  readonly #options: PartitionFlowOptions
  readonly #stopping = new AbortController()
  readonly #stopped = Promise.withResolvers<void>()
  #queue: (Waiting | Move)[] = []
  #running: Promise<void> = Promise.resolve()
  #busy = false
  /** Grows when the position is moved: what was read before is void. */
  #era = 0
  #delivered: CommittedPosition
  #deliveredTimestampMs: number | undefined

  constructor(options: PartitionFlowOptions) {
    this.#options = options
    this.partition = options.partition
    this.startedMs = options.startedMs
    this.#delivered = options.start
  }

  /** Everything before it is with the sink (flushed or not). */
  get delivered(): CommittedPosition {
    return this.#delivered
  }

  /** Latest timestamp among what was delivered. */
  get deliveredTimestampMs(): number | undefined {
    return this.#deliveredTimestampMs
  }

  push(chunk: FetchedChunk): void {
    this.#add({ chunk, admitted: this.#options.admit() })
  }

  /** What is queued is void, and comes again; a write in progress may still succeed, which makes duplicates at worst. */
  rewind(to: LogPosition): void {
    this.#era += 1
    this.#drop()
    this.#stand({ ...this.#delivered, ...to })
  }

  /** What is queued was in the log and is delivered; what comes after it begins at `to`. */
  moveAfterQueue(to: CommittedPosition): void {
    this.#add({ to })
  }

  /** Takes nothing more from the queue, and resolves when no write is in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#stopped.resolve()
    this.#drop()
    await this.#running
  }

  #add(item: Waiting | Move): void {
    this.#queue.push(item)
    if (this.#busy) return
    this.#busy = true
    this.#running = this.#run().catch((error: unknown) => this.#options.onCrash(error))
  }

  #drop(): void {
    const dropped = this.#queue
    this.#queue = []
    for (const item of dropped) if ('chunk' in item) this.#options.consumed(item.chunk.bytes)
  }

  #stand(at: CommittedPosition): void {
    this.#delivered = at
    this.#options.onProgress()
  }

  async #run(): Promise<void> {
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      if ('to' in item) {
        this.#stand(item.to)
        continue
      }
      const era = this.#era
      const { chunk, admitted } = item
      if (admitted !== undefined) await Promise.race([admitted, this.#stopped.promise])
      const done = await this.#deliver(chunk, era)
      this.#options.consumed(chunk.bytes)
      if (done && era === this.#era) this.#stand({ ...chunk.next, topicId: chunk.topicId })
    }
    // In the same step as the look at the empty queue, so that no chunk comes in between.
    this.#busy = false
  }

  /** False when it was stopped or the position was moved before everything was delivered. */
  async #deliver(chunk: FetchedChunk, era: number): Promise<boolean> {
    const { sink, partition, sourcePartitions, onResult } = this.#options
    let batches = committedBatches(chunk.batches, chunk.aborted)
    let fromOffset = chunk.fromOffset
    for (let failures = 0; batches.length > 0; failures += 1) {
      if (this.#stopping.signal.aborted || era !== this.#era) return false
      const result = await sink.write({
        partition,
        sourcePartitions: sourcePartitions(),
        batches,
        fromOffset,
      })
      onResult(result)
      if (result.kind === 'taken') {
        this.#deliveredTimestampMs = batches.at(-1)?.maxTimestampMs
        return true
      }
      if (result.nextOffset > fromOffset) {
        failures = 0
        fromOffset = result.nextOffset
        const finished = batches.findLast((batch) => batch.lastOffset < fromOffset)
        batches = batches.filter((batch) => batch.lastOffset >= fromOffset)
        if (era === this.#era && finished !== undefined) {
          this.#stand({ offset: fromOffset, leaderEpoch: finished.leaderEpoch, topicId: chunk.topicId })
        }
      }
      await this.#backOff(failures)
    }
    return true
  }

  async #backOff(failures: number): Promise<void> {
    const { signal } = this.#stopping
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const backOffMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(failures, 10))
    const timer = setTimeout(resolve, backOffMs * (0.5 + Math.random() / 2))
    const stop = () => resolve()
    signal.addEventListener('abort', stop)
    await promise
    signal.removeEventListener('abort', stop)
    clearTimeout(timer)
  }
}
