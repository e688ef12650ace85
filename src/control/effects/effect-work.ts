import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterSpec, TopicSpec } from '../../core/resources.ts'
import type { ClusterAdmin } from '../../kafka/admin.ts'
import type { Effect } from '../failover/effect.ts'
import type { Authority } from '../store/control-store.ts'
import type { EffectOptions } from './effect-options.ts'

/** What one look found: the result, or a sentence that says what is missing still. */
export type Look<Result> = { readonly done: Result } | { readonly waiting: string }

const defaultLongestWaitMs = 60_000

/** One run of one effect: what all kinds need. */
export class EffectWork {
  readonly options: EffectOptions
  readonly effect: Effect
  readonly stopped: AbortSignal
  #told = ''

  constructor(options: EffectOptions, effect: Effect, stopped: AbortSignal) {
    this.options = options
    this.effect = effect
    this.stopped = stopped
  }

  get dryRun(): boolean {
    return this.effect.dryRun
  }

  /**
   * Before each change of anything: the store is asked whether our term still holds, because a leader that stood still does not know that
   * it was replaced (semantics "Failover and failback"). Rejects when it does not.
   */
  readonly fence = async (): Promise<void> => {
    this.stopped.throwIfAborted()
    const { term } = this.effect
    const { leadership } = await this.options.store.position()
    if (leadership.term !== term)
      throw new Error(`term ${term} is over, ${leadership.term} has begun: nothing was done`)
    if (leadership.remainingMs <= 0)
      throw new Error(`the lease of term ${term} has run out: nothing was done`)
  }

  authority(): Authority {
    const { operation, term } = this.effect
    return { actor: 'control', reason: `operation ${operation}`, term }
  }

  cluster(name: string): ClusterSpec {
    const found = this.options.feed.state.Cluster.get(name)?.spec
    if (found === undefined) throw new Error(`cluster ${name} was removed: add it again, or take this back`)
    return found
  }

  admin(name: string): ClusterAdmin {
    return this.options.admins.of(this.cluster(name))
  }

  /** As it is now; an apply may have changed it since the plan was made. */
  presentSpec(planned: TopicSpec): TopicSpec {
    return this.options.feed.state.Topic.get(planned.name)?.spec ?? planned
  }

  /** Looks every `pollMs` until it is done. Rejects with what it waits for after `longestWaitMs`, and at once when stopped or in a drill. */
  async until<Result>(pollMs: number, look: () => Promise<Look<Result>>): Promise<Result> {
    const endMs = performance.now() + (this.options.longestWaitMs ?? defaultLongestWaitMs)
    for (;;) {
      this.stopped.throwIfAborted()
      const found = await look()
      if ('done' in found) return found.done
      this.#tell(found.waiting)
      if (this.dryRun || performance.now() > endMs) throw new Error(found.waiting)
      await sleep(pollMs, undefined, { signal: this.stopped })
    }
  }

  #tell(sentence: string): void {
    if (sentence === this.#told) return
    this.#told = sentence
    this.options.progress?.(this.effect, sentence)
  }
}
