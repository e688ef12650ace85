import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { Mutex } from '../apply/mutex.ts'
import { type Advanced, advance } from '../failover/advance.ts'
import type { Effect, EffectRunner } from '../failover/effect.ts'
import { undoProblem } from '../failover/graph.ts'
import type { Operation, OperationEvent, RetryPolicy, Undo } from '../failover/operation.ts'
import { recordsOf } from '../failover/persist.ts'
import type { Change, ControlStore } from '../store/control-store.ts'
import { StoreError } from '../store/store-error.ts'
import { auditOf } from './audit.ts'

export interface RunOptions {
  readonly store: Pick<ControlStore, 'commit'>
  readonly runner: EffectRunner
  readonly clock: Clock
  readonly logger: Logger
  readonly retry: RetryPolicy
  /** Called after each commit, so that readers see it; a failure only makes them see it later. */
  readonly committed: () => Promise<void>
  /** Told of each operation that was committed, with what it was before. Must not throw. */
  readonly changed: (before: Operation | undefined, after: Operation, changes: readonly Change[]) => void
}

/** While the store is away: the first wait before a commit is tried again, and the longest. */
const firstPauseMs = 50
const longestPauseMs = 2000

/**
 * One operation, driven under one lease term: each event is committed before anything that it causes is done, and events come one at a
 * time. A commit whose outcome is unknown is made again: all that it writes is the same. Ends when the operation does, when the store
 * says that another leads, or when `stop` is called; what is under way then is aborted, and its answer not taken.
 */
export class OperationRun {
  readonly #options: RunOptions
  readonly #events = new Mutex()
  readonly #stopping = new AbortController()
  /** Side effects under way, by step. */
  readonly #effects = new Map<string, AbortController>()
  readonly #pending = new Set<Promise<void>>()
  #operation: Operation
  #isStored: boolean

  /** `isStored`: it was read from the store and is taken over; else it is new. Nothing is done before `begin`. */
  constructor(operation: Operation, isStored: boolean, options: RunOptions) {
    this.#operation = operation
    this.#isStored = isStored
    this.#options = options
  }

  /** As it was last committed; of a new one, before its first commit, as it is wanted. */
  get operation(): Operation {
    return this.#operation
  }

  get stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Resolves when the first event is committed. Never rejects but for a fault of ours; look at `stopped`. */
  async begin(term: number): Promise<void> {
    await this.#handle({ kind: this.#isStored ? 'taken-over' : 'begin', term, atMs: this.#wallMs() })
  }

  /** Why it cannot be taken back; `undefined` = it is, by the time that this resolves. */
  async undo(undo: Undo, actor: string): Promise<string | undefined> {
    let problem: string | undefined
    await this.#events.run(async () => {
      problem = this.stopped ? 'this replica does not lead any more' : undoProblem(this.#operation)
      if (problem === undefined)
        await this.#apply({ kind: 'undo', undo, term: this.#operation.term, atMs: this.#wallMs() }, actor)
    })
    return problem
  }

  stop(): void {
    this.#stopping.abort()
    for (const effect of this.#effects.values()) effect.abort()
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await this.#events.run(async () => undefined)
    while (this.#pending.size > 0) await Promise.all(this.#pending)
  }

  #handle(event: OperationEvent): Promise<void> {
    return this.#events.run(() => this.#apply(event))
  }

  /** `actor`: where it is not the one who began the operation. */
  async #apply(event: OperationEvent, actor?: string): Promise<void> {
    if (this.stopped) return
    const before = this.#isStored ? this.#operation : undefined
    const advanced = this.#advance(event)
    if (before !== undefined && advanced.operation === before) return
    const { operation } = advanced
    const changes = [...recordsOf(before, advanced), ...auditOf(before, operation)]
    if (!(await this.#commit(changes, operation, actor))) return
    // An operation that has ended must not be over before the placement that it left is known here.
    if (operation.state !== 'running') await this.#tellReaders()
    this.#operation = operation
    this.#isStored = true
    this.#options.changed(before, operation, changes)
    this.#dropEffects()
    for (const effect of advanced.effects) this.#launch(effect)
    if (operation.state === 'running') this.#watch(this.#tellReaders())
  }

  /** An answer that does not fit its step is a fault of who gave it: the step failed. */
  #advance(event: OperationEvent): Advanced {
    const { retry, logger } = this.#options
    try {
      return advance(this.#operation, event, retry)
    } catch (error) {
      if (event.kind !== 'done') throw error
      logger.error({ err: error, operation: this.#operation.id, step: event.step }, 'a step gave nonsense')
      const { term, atMs, step } = event
      return advance(this.#operation, { kind: 'failed', term, atMs, step, why: wordsOf(error) }, retry)
    }
  }

  /** False: this run is over. */
  async #commit(
    changes: readonly Change[],
    { id, term, actor, reason, undo }: Operation,
    other: string | undefined,
  ): Promise<boolean> {
    const { store, logger } = this.#options
    const by = { actor: other ?? actor, reason: undo?.reason ?? reason, term }
    for (let pauseMs = firstPauseMs; !this.stopped; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        await store.commit(changes, by)
        return true
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        if (error.word === 'not-leading') {
          logger.warn({ operation: id, term }, 'another leads: it drives the operation from now on')
          this.stop()
          return false
        }
        logger.warn({ err: error, operation: id }, 'the operation could not be stored: tried again')
        await sleep(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      }
    }
    return false
  }

  async #tellReaders(): Promise<void> {
    try {
      await this.#options.committed()
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'what was committed will be read later')
    }
  }

  /** Of steps that do not run any more: they were dropped. */
  #dropEffects(): void {
    for (const [step, effect] of this.#effects)
      if (this.#operation.steps[step]?.state !== 'running') effect.abort()
  }

  #launch(effect: Effect): void {
    const stopped = new AbortController()
    if (this.stopped) stopped.abort()
    this.#effects.set(effect.step, stopped)
    this.#watch(
      this.#run(effect, stopped.signal).finally(() => {
        if (this.#effects.get(effect.step) === stopped) this.#effects.delete(effect.step)
      }),
    )
  }

  async #run(effect: Effect, stopped: AbortSignal): Promise<void> {
    const { step, term } = effect
    try {
      await sleep(effect.delayMs, undefined, { signal: stopped })
      const result = await this.#options.runner.run(effect, stopped)
      if (!stopped.aborted) await this.#handle({ kind: 'done', step, result, term, atMs: this.#wallMs() })
    } catch (error) {
      if (stopped.aborted) return
      const why = wordsOf(error)
      this.#options.logger.warn({ err: error, effect: effect.key }, 'a step failed')
      await this.#handle({ kind: 'failed', step, why, term, atMs: this.#wallMs() })
    }
  }

  /** A promise that nobody else waits for. */
  #watch(work: Promise<void>): void {
    const watched: Promise<void> = work
      .catch((error: unknown) => {
        this.#options.logger.error(
          { err: error, operation: this.#operation.id },
          'the operation stands still',
        )
      })
      .finally(() => this.#pending.delete(watched))
    this.#pending.add(watched)
  }

  #wallMs(): number {
    return this.#options.clock.wallMs()
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
