import type { PendingDeletion, StoredPlacement } from '../store/control-store.ts'
import type { EndOffsets, MadeTopic, StepResult } from './operation.ts'
import type { TopicMove } from './plan.ts'

/**
 * A side effect that is due. It may be run more than once, also at the same time by a leader that does not know yet that it is none, so
 * each is idempotent, and hooks are given the key.
 */
export interface Effect {
  /** `<operation>/<step>`: the same for every attempt. */
  readonly key: string
  readonly operation: string
  readonly step: string
  /** Of the leader that is to run it; see `EffectRunner`. */
  readonly term: number
  /** Check it and change nothing; a publish gives the present version. */
  readonly dryRun: boolean
  /** Wait before running it: it failed before. */
  readonly delayMs: number
  readonly body: EffectBody
}

export type EffectBody =
  | HookCall
  /** A record through each broker of the cluster, produced and read back. */
  | { readonly kind: 'canary'; readonly cluster: string }
  /**
   * Makes what is missing, in one request, with replicas min(wanted, live brokers) alternated by rack, and gives all ids at once, without
   * waiting for leaders. A topic that is there is taken over only under the id that the plan knows, or when it is empty.
   */
  | { readonly kind: 'create-topics'; readonly cluster: string; readonly topics: readonly TopicMove[] }
  /** Until every partition has a leader. */
  | { readonly kind: 'await-leaders'; readonly cluster: string; readonly topics: readonly MadeTopic[] }
  | Publish
  /** Until `acknowledgement` in leases.ts is complete. */
  | { readonly kind: 'await-acknowledged'; readonly version: number; readonly settled: boolean }
  /** The canary through the home cluster, all replicas in sync, configs as they should be (repaired where they drifted). */
  | { readonly kind: 'check-gate'; readonly cluster: string }
  /** Makes the topics be there as specified, with leaders: an old cluster may have come back with empty disks, or older partition counts. */
  | { readonly kind: 'ensure-topics'; readonly cluster: string; readonly topics: readonly TopicMove[] }
  /** `max.message.bytes` 0 on the topics with these ids: acks=1 and acks=all are then refused with MESSAGE_TOO_LARGE. */
  | { readonly kind: 'seal-topics'; readonly cluster: string; readonly topics: readonly TopicId[] }
  /** Until each leader refuses a probe. */
  | {
      readonly kind: 'probe-sealed'
      readonly cluster: string
      readonly topics: readonly (TopicId & { readonly partitions: number })[]
    }
  /** Takes the seal off, and waits until each leader takes a record. */
  | { readonly kind: 'unseal-topics'; readonly cluster: string; readonly topics: readonly TopicMove[] }
  | { readonly kind: 'read-end-offsets'; readonly cluster: string; readonly topics: readonly TopicId[] }
  /** Until every route of each topic has delivered up to these offsets from this cluster. No route: at once. */
  | { readonly kind: 'await-drained'; readonly cluster: string; readonly offsets: readonly EndOffsets[] }
  /** By id. One that is gone is deleted. */
  | { readonly kind: 'delete-topics'; readonly cluster: string; readonly topics: readonly TopicId[] }

/** Given up after `RetryPolicy.hookAttempts`: the standby may do without. A drill asks only whether it can be reached. */
export interface HookCall {
  readonly kind: 'call-hook'
  readonly hook: 'scale-up' | 'scale-down'
  readonly cluster: string
  readonly standby: string
}

/**
 * One commit of the store under `Effect.term`, which gives the placement version. A topic that was deleted meanwhile is left out; what is
 * as it should be already is no change, and then the present version is given.
 */
export interface Publish {
  readonly kind: 'publish'
  readonly placements: readonly StoredPlacement[]
  /** To be remembered as the topic's on that cluster. */
  readonly made: readonly MadeTopic[]
  /** To be forgotten as the topic's, and remembered as to be deleted, in the same commit. */
  readonly deletions: readonly PendingDeletion[]
  /** Readers empty the old cluster before they begin with the new one, so that keys keep their order. */
  readonly drainFirst: boolean
}

export interface TopicId {
  readonly topic: string
  readonly topicId: string
}

/**
 * Runs side effects. Reads the term in the store again right before each one and does nothing when it is not `effect.term`; rejects when
 * it failed, which becomes a `failed` event with the error's message as its reason.
 */
export interface EffectRunner {
  run(effect: Effect, stopped: AbortSignal): Promise<StepResult>
}
