import { setTimeout as sleep } from 'node:timers/promises'
import { Mutex } from '../apply/mutex.ts'
import type { Operation, Undo } from '../failover/operation.ts'
import { loadOperation } from '../failover/persist.ts'
import { startProblem } from '../failover/phase.ts'
import type { ControlStore } from '../store/control-store.ts'
import { OperationRun, type RunOptions } from './operation-run.ts'

export interface OperationsOptions extends Omit<RunOptions, 'store'> {
  readonly store: Pick<ControlStore, 'commit' | 'operations' | 'steps'>
}

/** Far more than can be open at once: one a cluster, and drills. */
const mostOpen = 1000
/** How long the end of what was aborted is waited for. */
const abortMs = 5000

/**
 * Every failover and failback that runs, as long as this replica leads. `lead` and `follow` are called when that changes; in between
 * nothing is lost: what is open is in the store, and the next leader goes on with it.
 */
export class Operations {
  readonly #options: OperationsOptions
  readonly #begins = new Mutex()
  #runs = new Map<string, OperationRun>()
  #term: number | undefined

  constructor(options: OperationsOptions) {
    this.#options = options
  }

  /** Those that have not ended, drills too. */
  get running(): readonly Operation[] {
    return [...this.#runs.values()].map(({ operation }) => operation)
  }

  /** Reads what is open and goes on with it under `term`. Rejects with `StoreError` when it cannot be read; then call it again. */
  async lead(term: number): Promise<void> {
    const { store, logger } = this.#options
    const open = await store.operations({ open: true, limit: mostOpen })
    const loaded: Operation[] = []
    for (const stored of open) {
      if (stored.kind !== 'failover' && stored.kind !== 'failback') continue
      loaded.push(loadOperation(stored, await store.steps(stored.id)))
    }
    this.#stopAll()
    this.#term = term
    const runs = loaded.map((operation) => this.#add(operation, true))
    for (const run of runs) {
      logger.info({ operation: run.operation.id, term }, 'going on with an operation')
      // Each waits for the store by itself; `settled` waits for them.
      void run.begin(term).catch((error: unknown) => {
        logger.error({ err: error, operation: run.operation.id }, 'the operation stands still')
      })
    }
  }

  /** Another leads, or nobody: everything that runs here is aborted, and its end awaited for a while. */
  async follow(): Promise<void> {
    this.#term = undefined
    const runs = this.#stopAll()
    const waited = new AbortController()
    await Promise.race([
      Promise.all(runs.map((run) => run.settled())),
      sleep(abortMs, undefined, { signal: waited.signal }).catch(() => undefined),
    ])
    waited.abort()
  }

  /**
   * Begins a new one under its own term. Gives why it may not begin, or `undefined` when its first state is committed. While the store is
   * away that waits; `stopped` is said when the lease was lost meanwhile.
   */
  begin(operation: Operation): Promise<string | undefined> {
    return this.#begins.run(async () => {
      if (this.#term !== operation.term) return notLeading
      const problem = startProblem(operation, this.running)
      if (problem !== undefined) return problem
      const run = this.#add(operation, false)
      await run.begin(operation.term)
      if (!run.stopped) return undefined
      this.#runs.delete(operation.id)
      return notLeading
    })
  }

  /** Gives why it cannot be taken back; `undefined` = it is being taken back. */
  async undo(id: string, undo: Undo, actor: string): Promise<string | undefined> {
    const run = this.#runs.get(id)
    return run === undefined ? 'it has ended, or this replica does not lead' : run.undo(undo, actor)
  }

  /** Resolves when nothing is under way in what runs now. */
  async settled(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => run.settled()))
  }

  #add(operation: Operation, isStored: boolean): OperationRun {
    const { id } = operation
    const run: OperationRun = new OperationRun(operation, isStored, {
      ...this.#options,
      changed: (before, after, changes) => {
        if (after.state !== 'running' && this.#runs.get(id) === run) this.#runs.delete(id)
        this.#options.changed(before, after, changes)
      },
    })
    this.#runs.set(id, run)
    return run
  }

  #stopAll(): readonly OperationRun[] {
    const runs = [...this.#runs.values()]
    this.#runs = new Map()
    for (const run of runs) run.stop()
    return runs
  }
}

const notLeading = 'this replica does not lead any more'
