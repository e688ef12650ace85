import type { Acks } from './outgoing-batch.ts'

/** What an error code of a Produce answer means for the batch (Kafka protocol guide, "Error Codes"; semantics "Time limits"). */
export type ProduceVerdict = 'acked' | 'retriable' | 'ambiguous' | 'fatal'

/** Nothing was written, and another try may succeed, perhaps elsewhere. */
const retriable = new Set([
  2, // CORRUPT_MESSAGE: damaged on the way
  3, // UNKNOWN_TOPIC_OR_PARTITION: metadata not there yet, or moved away
  5, // LEADER_NOT_AVAILABLE
  6, // NOT_LEADER_OR_FOLLOWER
  8, // BROKER_NOT_AVAILABLE
  13, // NETWORK_EXCEPTION
  14, // COORDINATOR_LOAD_IN_PROGRESS
  19, // NOT_ENOUGH_REPLICAS: refused before the append
  56, // KAFKA_STORAGE_ERROR: disk full or broken; another leader may take it
  74, // FENCED_LEADER_EPOCH
  75, // UNKNOWN_LEADER_EPOCH
  89, // THROTTLING_QUOTA_EXCEEDED
  100, // UNKNOWN_TOPIC_ID
])

/** It was appended by the leader, or may have been. */
const ambiguous = new Set([
  7, // REQUEST_TIMED_OUT
  20, // NOT_ENOUGH_REPLICAS_AFTER_APPEND
  -1, // UNKNOWN_SERVER_ERROR: the broker itself does not know
])

/**
 * A leader that waits for its followers (acks=all) has appended already. When it is deposed meanwhile it answers one of these, whether
 * or not the next leader has the record.
 */
const deposed = new Set([3, 6, 13, 56, 74])

export function judgeProduceCode(code: number, acks: Acks): ProduceVerdict {
  if (code === 0) return 'acked'
  if (acks === -1 && deposed.has(code)) return 'ambiguous'
  if (retriable.has(code)) return 'retriable'
  return ambiguous.has(code) ? 'ambiguous' : 'fatal'
}

/** After these the leader may be another broker. */
export function asksForMetadata(code: number): boolean {
  return (
    code === 3 ||
    code === 5 ||
    code === 6 ||
    code === 8 ||
    code === 56 ||
    code === 74 ||
    code === 75 ||
    code === 100
  )
}

/**
 * The broker has no place for the topic: it is not there, or takes nothing (`max.message.bytes=0`, a sealed standby topic). Whoever
 * works by an old placement sees this first (semantics "Failover and failback").
 */
export function hasNoPlace(code: number): boolean {
  return code === 3 || code === 10 || code === 100
}
