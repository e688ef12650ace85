import type { FetchedChunk } from '../../src/kafka/fetch-subscription.ts'
import type { LogPosition } from '../../src/kafka/offsets.ts'
import type { RecordBatch } from '../../src/kafka/record-batch-reader.ts'
import type { Sink, SinkResult } from '../sink/sink.ts'
import { committedBatches } from '../transform/committed.ts'

export interface PartitionFlowOptions {
  readonly partition: number
  readonly start: LogPosition
  /** Wall clock: nothing older was waited for here. */
  readonly startedMs: number
  readonly sink: Sink
  readonly sourcePartitions: () => number
  /** So many fetched bytes are done with. */
  readonly consumed: (bytes: number) => void
  readonly onResult: (result: SinkResult) => void
  /** The position moved: it is to be committed. */
  readonly onProgress: () => void
  /** A fault of ours, or bytes that are no record batch: the flow has stopped. */
  readonly onCrash: (error: unknown) => void
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
  #queue: FetchedChunk[] = []
  #running: Promise<void> | undefined
  /** Grows when the position is moved: what was read before is void. */
  #era = 0
  #delivered: LogPosition
  #deliveredTimestampMs: number | undefined

  constructor(options: PartitionFlowOptions) {
    this.#options = options
    this.partition = options.partition
    this.startedMs = options.startedMs
    this.#delivered = options.start
  }

  /** Everything before it is with the sink (flushed or not). */
  get delivered(): LogPosition {
    return this.#delivered
  }

  /** Latest timestamp among what was delivered. */
  get deliveredTimestampMs(): number | undefined {
    return this.#deliveredTimestampMs
  }

  push(chunk: FetchedChunk): void {
    this.#queue.push(chunk)
    this.#running ??= this.#run().catch((error: unknown) => this.#options.onCrash(error))
  }

  /** What is queued is void; a write in progress may still succeed, which makes duplicates at worst. */
  reposition(to: LogPosition): void {
    this.#era += 1
    this.#drop()
    this.#delivered = to
    this.#options.onProgress()
  }

  /** Takes nothing more from the queue, and resolves when no write is in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#drop()
    await this.#running
  }

  #drop(): void {
    const dropped = this.#queue
    this.#queue = []
    for (const { bytes } of dropped) this.#options.consumed(bytes)
  }

  async #run(): Promise<void> {
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      const era = this.#era
      const done = await this.#deliver(chunk, era)
      this.#options.consumed(chunk.bytes)
      if (!done || era !== this.#era) continue
      this.#delivered = chunk.next
      this.#options.onProgress()
    }
    // In the same step as the look at the empty queue, so that no chunk comes in between.
    this.#running = undefined
  }

  /** False when it was stopped or the position was moved before everything was delivered. */
  async #deliver(chunk: FetchedChunk, era: number): Promise<boolean> {
    const { sink, partition, sourcePartitions, onResult, onProgress } = this.#options
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
        if (era === this.#era && finished !== undefined) this.#advance(fromOffset, finished, onProgress)
      }
      await this.#backOff(failures)
    }
    return true
  }

  #advance(offset: number, finished: RecordBatch, onProgress: () => void): void {
    this.#delivered = { offset, leaderEpoch: finished.leaderEpoch }
    onProgress()
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
