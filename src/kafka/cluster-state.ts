import type { BreakerState } from './lane-breaker.ts'
import type { Acks } from './outgoing-batch.ts'

/** One lane as people see it; plain JSON. */
export interface LaneState {
  readonly broker: number
  readonly acks: Acks
  readonly breaker: BreakerState
  readonly connected: boolean
  /** Requests sent and unanswered. */
  readonly inFlight: number
  /** Bytes of those. */
  readonly bytes: number
}

/** One cluster as its producer sees it; plain JSON. */
export interface ClusterState {
  /** Since the last acknowledgement, or since something began to wait where that is later; `null` while nothing waits. */
  readonly ackAgeMs: number | null
  /** Batches without an outcome. */
  readonly unsettledBatches: number
  /** All its lanes are left out, and there is one (semantics "Failover and failback"). */
  readonly open: boolean
  /**
   * How far the longest wait has passed the time limit that this process set itself: 0 in a healthy process whatever the brokers do,
   * because a hung broker meets the deadlines of its lane.
   */
  readonly overdueMs: number
  readonly lanes: readonly LaneState[]
}
