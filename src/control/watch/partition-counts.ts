import type { PartitionMetadata, TopicMetadata } from 'kafkajs/src/protocol/requests/index.js'

export interface PartitionCounts {
  readonly known: number
  readonly withoutLeader: number
  readonly underReplicated: number
}

/**
 * How the partitions of these topics stand, by a broker's metadata. A topic that is not there has no partitions: it is a matter of
 * provisioning, and a cluster whose disks were wiped must be able to pass for well. Pure.
 */
export function countPartitions(topics: readonly TopicMetadata[]): PartitionCounts {
  let known = 0
  let withoutLeader = 0
  let underReplicated = 0
  for (const { partitionMetadata } of topics) {
    for (const partition of partitionMetadata) {
      known += 1
      if (partition.leader < 0) withoutLeader += 1
      if (isBehind(partition)) underReplicated += 1
    }
  }
  return { known, withoutLeader, underReplicated }
}

/** Fewer replicas in sync than there are. */
export function isBehind({ isr, replicas }: PartitionMetadata): boolean {
  return isr.length < replicas.length
}
