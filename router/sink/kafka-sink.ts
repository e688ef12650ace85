import type { Clock } from '../../src/core/clock.ts'
import type { KafkaSink as KafkaSinkSpec } from '../../src/core/placement.ts'
import type { ClusterProducer } from '../../src/kafka/cluster-producer.ts'
import type { BatchOutcome } from '../../src/kafka/outgoing-batch.ts'
import type { RecordBatch } from '../../src/kafka/record-batch-reader.ts'
import { judgePassThrough, rewriteInPlace } from '../transform/pass-through.ts'
import { type ReencodedBatch, reencode } from '../transform/re-encode.ts'
import { Repartitioner } from '../transform/repartition.ts'
import type { FlushFailure, Sink, SinkChunk, SinkResult } from './sink.ts'

export interface KafkaSinkOptions {
  readonly spec: KafkaSinkSpec
  /** Shared by all routes to that cluster; not closed by the sink. */
  readonly producer: Pick<ClusterProducer, 'submit' | 'partitionCount' | 'warm'>
  readonly clock: Clock
}

/** Then the attempt counts as failed and is reported; the batch is tried again. */
const batchDeadlineMs = 60_000

interface Outgoing extends ReencodedBatch {
  readonly partition: number
}

/**
 * Carries whole batches to the same partition of a topic on another cluster without looking into them (semantics "Router",
 * pass-through), acks=all. One batch in flight per source partition, so that order holds also when one is refused. With another
 * partition count the records are re-encoded and go where their key says.
 */
export class KafkaSink implements Sink {
  readonly #options: KafkaSinkOptions
  readonly #repartitioner = new Repartitioner()

  constructor(options: KafkaSinkOptions) {
    this.#options = options
    options.producer.warm([options.spec.topic])
  }

  async write(chunk: SinkChunk): Promise<SinkResult> {
    const { spec, producer } = this.#options
    const done = { nextOffset: chunk.fromOffset, records: 0, bytes: 0 }
    const failed = (detail: string): SinkResult => ({ kind: 'failed', ...done, detail })
    const partitions = producer.partitionCount(spec.topic)
    if (partitions === undefined) {
      producer.warm([spec.topic])
      return failed(`topic ${spec.topic} is not known on cluster ${spec.cluster} yet`)
    }
    try {
      for (const batch of chunk.batches) {
        const outgoing = await this.#prepare(batch, chunk, partitions)
        const refusal = await this.#sendAll(outgoing)
        if (refusal !== undefined) return failed(refusal)
        done.nextOffset = batch.lastOffset + 1
        for (const { count, bytes } of outgoing) {
          done.records += count
          done.bytes += bytes.length
        }
      }
    } catch (error) {
      return failed(`a batch at offset ${done.nextOffset} cannot be read: ${String(error)}`)
    }
    return { kind: 'taken', ...done }
  }

  async flush(): Promise<FlushFailure> {
    return undefined
  }

  async close(): Promise<void> {
    // The producer belongs to all routes of the cluster.
  }

  async #prepare(batch: RecordBatch, chunk: SinkChunk, partitions: number): Promise<readonly Outgoing[]> {
    const verdict = judgePassThrough(batch, chunk.fromOffset)
    if (verdict.kind === 'empty') return []
    if (partitions !== chunk.sourcePartitions) {
      return this.#repartitioner.split(batch, chunk.fromOffset, partitions)
    }
    const { partition } = chunk
    if (verdict.kind === 'as-is') return [{ partition, count: batch.count, bytes: rewriteInPlace(batch) }]
    const made = await reencode(batch, chunk.fromOffset)
    return made === undefined ? [] : [{ partition, ...made }]
  }

  /** The first refusal, when all of them are settled. */
  async #sendAll(outgoing: readonly Outgoing[]): Promise<string | undefined> {
    const outcomes = await Promise.all(outgoing.map((one) => this.#send(one)))
    const bad = outcomes.find((outcome) => outcome.kind !== 'acked')
    return bad === undefined ? undefined : describeRefusal(this.#options.spec, bad)
  }

  #send({ partition, bytes, count }: Outgoing): Promise<BatchOutcome> {
    const { spec, producer, clock } = this.#options
    const { promise, resolve } = Promise.withResolvers<BatchOutcome>()
    producer.submit({
      topic: spec.topic,
      partition,
      acks: -1,
      compression: 'none',
      take: () => bytes,
      records: count,
      deadlineMs: clock.monotonicMs() + batchDeadlineMs,
      resent: () => {
        // Duplicates are possible on an at-least-once route; the producer counts them.
      },
      settled: resolve,
    })
    return promise
  }
}

function describeRefusal({ cluster, topic }: KafkaSinkSpec, outcome: BatchOutcome): string {
  if (outcome.kind === 'refused') {
    const hint = outcome.code === 10 ? ': its max.message.bytes is smaller than that of the source topic' : ''
    return `cluster ${cluster} refuses a batch for ${topic} with Kafka error ${outcome.code} ${outcome.detail}${hint}`
  }
  return `cluster ${cluster} did not acknowledge a batch for ${topic} in time`
}
