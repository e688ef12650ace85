import { type RecordBatch, visitRecords } from '../../src/kafka/record-batch-reader.ts'
import { judgePassThrough } from '../transform/pass-through.ts'
import { inflate } from '../transform/re-encode.ts'
import { DirectoryLock } from './directory-lock.ts'
import { FileSegment } from './file-segment.ts'
import { appendLine } from './json-line.ts'
import type { FlushFailure, Sink, SinkChunk, SinkResult } from './sink.ts'

export interface FileSinkOptions {
  /** Absolute; made when missing. One router process per directory and topic. */
  readonly directory: string
  readonly topic: string
  readonly rotateBytes: number
}

/**
 * Writes the values of records as lines of NDJSON files `<topic>-<n>.ndjson`, of all partitions and clusters into one file at a time. A
 * file that has reached `rotateBytes` is synced and never touched again. `flush` is an fsync. Opens its file at the first write, so
 * that a disk that is away is a failed write and not a failed start.
 */
export class FileSink implements Sink {
  readonly #options: FileSinkOptions
  readonly #lock: DirectoryLock
  #segment: FileSegment | undefined
  /** One write, flush or rotation at a time. */
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: FileSinkOptions) {
    this.#options = options
    this.#lock = new DirectoryLock(options.directory, options.topic)
  }

  async write(chunk: SinkChunk): Promise<SinkResult> {
    const done = { nextOffset: chunk.fromOffset, records: 0, bytes: 0 }
    try {
      for (const batch of chunk.batches) {
        if (judgePassThrough(batch, chunk.fromOffset).kind !== 'empty') {
          const { lines, records } = await linesOf(batch, chunk.fromOffset)
          await this.#inTurn(() => this.#append(lines))
          done.records += records
          done.bytes += lines.length
        }
        done.nextOffset = batch.lastOffset + 1
      }
      return { kind: 'taken', ...done }
    } catch (error) {
      const { directory } = this.#options
      return { kind: 'failed', ...done, detail: `${directory}: ${(error as Error).message}` }
    }
  }

  async flush(): Promise<FlushFailure> {
    try {
      await this.#inTurn(async () => this.#segment?.flush())
      return undefined
    } catch (error) {
      return `${this.#options.directory}: ${(error as Error).message}`
    }
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#closed = true
      await this.#segment?.close()
      this.#segment = undefined
      await this.#lock.release()
    })
  }

  async #append(lines: Buffer): Promise<void> {
    if (this.#closed) throw new Error('the sink is closed')
    if (lines.length === 0) return
    const segment = await this.#current()
    await segment.append(lines)
  }

  async #current(): Promise<FileSegment> {
    const { directory, topic, rotateBytes } = this.#options
    if (this.#segment === undefined) {
      await this.#lock.take()
      this.#segment = await FileSegment.openLast(directory, topic)
    }
    if (this.#segment.size < rotateBytes) return this.#segment
    const full = this.#segment
    // Synced before it is out of reach of `flush`; until the next file is there, a failure leaves this one in use.
    await full.flush()
    const next = await FileSegment.create(directory, topic, full.number + 1)
    this.#segment = next
    await full.close()
    return next
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(act)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

async function linesOf(
  batch: RecordBatch,
  fromOffset: number,
): Promise<{ readonly lines: Buffer; readonly records: number }> {
  const payload = await inflate(batch)
  const parts: Buffer[] = []
  let bytes = 0
  let records = 0
  visitRecords(batch, payload, (record) => {
    if (record.offset < fromOffset) return
    const value = record.valueStart < 0 ? undefined : payload.subarray(record.valueStart, record.valueEnd)
    bytes += appendLine(parts, value)
    records += 1
  })
  return { lines: Buffer.concat(parts, bytes), records }
}
