import type { ClusterHistory, Scores } from './history.ts'

/** One fronting cluster as the decision sees it: what was observed, and what the store says. */
export interface ClusterSituation {
  readonly cluster: string
  readonly history: ClusterHistory
  readonly phase: ClusterPhase
  readonly standby?: Standby
  /** Why a person froze this cluster. */
  readonly frozen?: string
  readonly failback: 'auto' | 'manual'
  /** When its traffic was last moved to the standby, by whomever, and when without a person; `restoreMoment` makes them. */
  readonly lastMoveAtMs?: number
  readonly lastAutomaticMoveAtMs?: number
}

export type ClusterPhase =
  /** Its topics are on it. */
  | { readonly name: 'home' }
  /** A failover runs. `published`: the placement of some topic may have changed. */
  | { readonly name: 'moving'; readonly automatic: boolean; readonly published: boolean }
  /** Its topics are on the standby, and nothing runs. */
  | { readonly name: 'away' }
  /** A failback runs. `reversible`: what the standby holds has not begun to be taken away. */
  | { readonly name: 'returning'; readonly reversible: boolean }

export interface Standby {
  readonly name: string
  /** Why it could not take anything now and there is no scale-up hook that might wake it. */
  readonly unusable?: string
}

export type FailoverAction =
  | 'none'
  /** Something looks bad, and not enough of it. */
  | 'suspect'
  /** A move is due, and a rule holds it back. */
  | 'hold'
  | 'fail-over'
  /** Take back the failover that runs: it has moved nothing, and the cluster is well again. */
  | 'cancel'
  /** Take back the failback that runs: the cluster died again. It is a move. */
  | 'reverse'
  | 'fail-back'

export interface Decision {
  readonly cluster: string
  readonly action: FailoverAction
  /** A sentence for people: stored with the operation, shown on the dashboard. */
  readonly why: string
  readonly scores: Scores
}

/**
 * A stored moment on this process's monotonic clock, made once, at start: from then on the wall clock may jump as it likes (faults F39).
 * A moment that seems to lie in the future is now, which makes hold-downs longer, never shorter.
 */
export function restoreMoment(
  storedWallMs: number,
  now: { readonly wallMs: number; readonly monotonicMs: number },
): number {
  return now.monotonicMs - Math.max(0, now.wallMs - storedWallMs)
}
