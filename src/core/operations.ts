/** What the control plane's API says of failovers, failbacks and what decides about them (interface.md "The control plane"). */

export type OperationKind = 'failover' | 'failback'

/** `undoing`: it is being taken back; `undone`: it was. */
export type OperationState = 'running' | 'undoing' | 'done' | 'undone'

/** `POST /v1/failovers` and `/v1/failbacks`. */
export interface MoveRequestBody {
  readonly cluster: string
  /** Full names; absent = every topic of the cluster. */
  readonly topics?: readonly string[]
  readonly reason: string
  /** A drill: every step is checked and nothing is changed. */
  readonly dryRun?: boolean
  /** Failovers only: the cluster is well, and nothing may be lost or put out of order. Absent = so if the watch finds it well. */
  readonly planned?: boolean
}

export interface OperationSummary {
  readonly id: string
  readonly kind: OperationKind
  readonly cluster: string
  readonly state: OperationState
  readonly dryRun: boolean
  /** Begun by a decision, not by a person. */
  readonly automatic: boolean
  readonly actor: string
  readonly reason: string
  /** Why it was taken back. */
  readonly undoReason?: string
  /** RFC 3339, UTC. */
  readonly createdAt: string
  readonly endedAt?: string
  /** Names of the steps that run. */
  readonly running: readonly string[]
}

/** One operation with its state machine. */
export interface OperationView extends OperationSummary {
  readonly standby: string
  readonly planned: boolean
  /** Lease term of the leader that drives it. */
  readonly term: number
  /** From its beginning to its end, or to now. */
  readonly tookMs: number
  readonly topics: {
    readonly total: number
    /** Whose placement says the new cluster. */
    readonly moved: number
    /** Failover: all live proxies work by it. Failback: nothing is left on the standby. */
    readonly finished: number
  }
  readonly batches: { readonly total: number; readonly moved: number }
  /** All of the graph, in its order. */
  readonly steps: readonly StepView[]
  /** Topics that stay where they are, and why. */
  readonly left: readonly { readonly topic: string; readonly why: string }[]
  readonly notes: readonly string[]
  /** Drills that have ended: every step passed. */
  readonly passed?: boolean
  /** Why it cannot be taken back; absent = it can. */
  readonly final?: string
}

export interface StepView {
  readonly name: string
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'dropped'
  /** Topics of its batch; absent where it is for all. */
  readonly topics?: number
  /** Failed attempts so far. */
  readonly attempts: number
  readonly startedAt?: string
  readonly endedAt?: string
  readonly tookMs?: number
  /** Of the last failure. */
  readonly why?: string
  /** What it waits for just now; only the leader knows. */
  readonly waiting?: string
  /** What it found, in words. */
  readonly found?: string
}

/** `GET /v1/failovers/plan`, `GET /v1/failbacks/plan`. */
export interface PlanView {
  readonly kind: OperationKind
  readonly cluster: string
  readonly standby: string
  readonly planned: boolean
  /** In the order in which they move, busiest first. */
  readonly batches: readonly (readonly {
    readonly topic: string
    readonly partitions: number
    readonly recordsPerSecond: number
  }[])[]
  readonly left: readonly { readonly topic: string; readonly why: string }[]
  readonly notes: readonly string[]
  /** Why it cannot be begun; empty = it can. */
  readonly problems: readonly string[]
}

/** `GET /v1/freeze` */
export interface FreezeView {
  /** A cluster; absent = all. */
  readonly cluster?: string
  readonly actor: string
  readonly reason?: string
  readonly at: string
}
