import type { RecordBatch } from '../../src/kafka/record-batch-reader.ts'

/** Committed batches of one topic-partition, in order. */
export interface SinkChunk {
  readonly partition: number
  /** Of the topic that is read, for sinks that keep records in their partition. */
  readonly sourcePartitions: number
  /** The sink may rewrite their bytes in place; a repeated `write` gets the same objects. */
  readonly batches: readonly RecordBatch[]
  /** Records before it were delivered already, though the first batch may hold some. */
  readonly fromOffset: number
}

export interface SinkTaken {
  readonly kind: 'taken'
  readonly records: number
  readonly bytes: number
}

export interface SinkFailed {
  readonly kind: 'failed'
  /** Records before it are delivered: a retry goes on from here. */
  readonly nextOffset: number
  /** What was delivered of the chunk nevertheless. */
  readonly records: number
  readonly bytes: number
  /** For a person: what was refused, by whom, why. */
  readonly detail: string
}

export type SinkResult = SinkTaken | SinkFailed

/** `undefined` = all is safe. */
export type FlushFailure = string | undefined

/**
 * Where a route delivers to. Shared by the jobs of a route, one `write` at a time per (cluster, partition). Nothing here throws or
 * rejects, skips a record, or gives up by itself: what fails is tried again by the caller, which must bound how long.
 */
export interface Sink {
  write(chunk: SinkChunk): Promise<SinkResult>
  /** Everything that `write` took before this call survives a crash once it resolves: only then are offsets committed. */
  flush(): Promise<FlushFailure>
  /** Flushed and closed; `write` afterwards fails. */
  close(): Promise<void>
}
