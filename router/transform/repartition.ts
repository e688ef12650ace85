import { type RecordBatch, visitRecords } from '../../src/kafka/record-batch-reader.ts'
import { partitionOfKey } from './murmur2.ts'
import { compressionOf } from './pass-through.ts'
import { inflate, RecordCopier, type ReencodedBatch } from './re-encode.ts'

/**
 * Takes batches apart for a topic with another number of partitions: keyed records go where Kafka's default partitioner puts their key,
 * those without a key stay together, each batch's on the next partition in turn.
 */
export class Repartitioner {
  #turn = 0

  /** In the order of the records, for each partition. Rejects with `WireError` or `CompressionError`. */
  async split(
    batch: RecordBatch,
    fromOffset: number,
    partitions: number,
  ): Promise<readonly (ReencodedBatch & { readonly partition: number })[]> {
    const payload = await inflate(batch)
    const unkeyed = this.#turn % partitions
    this.#turn += 1
    const copiers = new Map<number, RecordCopier>()
    visitRecords(batch, payload, (record) => {
      if (record.offset < fromOffset) return
      const partition =
        record.keyStart < 0
          ? unkeyed
          : partitionOfKey(payload.subarray(record.keyStart, record.keyEnd), partitions)
      let copier = copiers.get(partition)
      if (copier === undefined) {
        copier = new RecordCopier()
        copiers.set(partition, copier)
      }
      copier.add(record)
    })
    const codec = compressionOf(batch)
    return Promise.all(
      [...copiers].map(async ([partition, copier]) => ({
        partition,
        count: copier.count,
        bytes: await copier.seal(codec),
      })),
    )
  }
}
