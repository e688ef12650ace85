import { murmur2 } from '@platformatic/kafka'

/** The partition of a key as Kafka's own clients compute it (murmur2), so that all producers of a topic agree. `partitions` ≥ 1. */
export function partitionForKey(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions
}
