import type { ProvisionedTopic } from '../../core/resources.ts'
import type { MovePlan } from './plan.ts'

/**
 * A failover or failback under way. All of it is stored, before what it says is done; who resumes it needs nothing else. Immutable:
 * `advance` in step.ts makes the next one.
 */
export interface Operation {
  /** Unique for ever: it is half of each idempotency key. */
  readonly id: string
  readonly plan: MovePlan
  /** Lease term of the leader that drives it. */
  readonly term: number
  readonly automatic: boolean
  /** Who began it, or what the decision said. */
  readonly actor: string
  readonly reason: string
  /** A drill: every side effect is checked instead of done. */
  readonly dryRun: boolean
  /** `undo`: a failover that moved nothing is taken back, or a failback brings its topics back to the standby. */
  readonly goal: 'forward' | 'undo'
  readonly undo?: Undo
  readonly state: 'running' | 'done' | 'undone'
  /** Steps that have begun, by name. */
  readonly steps: Readonly<Record<string, StepState>>
  /** Wall clock, milliseconds since 1970. */
  readonly createdAtMs: number
  readonly endedAtMs?: number
}

export interface Undo {
  readonly reason: string
  /** By decision: bringing topics back to the standby is then an automatic move. */
  readonly automatic: boolean
}

export interface StepState {
  /** `failed`: given up, which only hooks may be; `dropped`: not needed any more after a change of goal. */
  readonly state: 'running' | 'done' | 'failed' | 'dropped'
  /** Failed ones so far. */
  readonly attempts: number
  readonly startedAtMs: number
  readonly endedAtMs?: number
  /** Of the last failure. */
  readonly why?: string
  readonly result?: StepResult
}

/** What a side effect found or made; stored with its step. */
export type StepResult =
  | { readonly kind: 'none' }
  /** In the order of the batch. */
  | { readonly kind: 'topics'; readonly topics: readonly MadeTopic[] }
  /** The placement version that a publish gave. */
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'offsets'; readonly offsets: readonly EndOffsets[] }
  | { readonly kind: 'proxies'; readonly acknowledged: number; readonly ended: readonly string[] }

export interface MadeTopic extends ProvisionedTopic {
  readonly topic: string
}

export interface EndOffsets {
  readonly topic: string
  readonly topicId: string
  /** By partition. */
  readonly ends: readonly number[]
}

export type OperationEvent = {
  /** Of the leader that says so: another's word is not taken. */
  readonly term: number
  /** Wall clock. */
  readonly atMs: number
} & (
  | { readonly kind: 'begin' }
  | { readonly kind: 'done'; readonly step: string; readonly result: StepResult }
  | { readonly kind: 'failed'; readonly step: string; readonly why: string }
  /** A new leader has read the operation from the store and drives it from now on. */
  | { readonly kind: 'taken-over' }
  /** Refused, without effect, where `undoProblem` says why. */
  | { readonly kind: 'undo'; readonly undo: Undo }
)

export interface RetryPolicy {
  /** Calls of a hook before it is given up. Everything else is tried for ever: a time-out stays put and alerts. */
  readonly hookAttempts: number
  readonly firstDelayMs: number
  readonly longestDelayMs: number
}

export const defaultRetry: RetryPolicy = { hookAttempts: 3, firstDelayMs: 200, longestDelayMs: 5000 }

/** A row of the operation's history, and an event on `/v1/events`. */
export interface Transition {
  readonly step: string
  readonly from: StepState['state'] | 'waiting'
  readonly to: StepState['state']
  readonly atMs: number
  readonly why?: string
}

export function newOperation(
  id: string,
  plan: MovePlan,
  by: Pick<Operation, 'term' | 'automatic' | 'actor' | 'reason' | 'dryRun'>,
  atMs: number,
): Operation {
  return { ...by, id, plan, goal: 'forward', state: 'running', steps: {}, createdAtMs: atMs }
}
