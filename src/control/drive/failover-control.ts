import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { EffectRunner } from '../failover/effect.ts'
import { defaultRetry, type Operation, type RetryPolicy } from '../failover/operation.ts'
import type { FailoverRules } from '../failover/rules.ts'
import type { Authority, Authorship, Change, ControlStore } from '../store/control-store.ts'
import type { StateFeed } from '../store/state-feed.ts'
import { EventTeller } from './event-teller.ts'
import { FailoverDrive } from './failover-drive.ts'
import { FailoverLoop } from './failover-loop.ts'
import { Freezes } from './freezes.ts'
import { type ClusterHealth, HealthBoard } from './health-board.ts'
import { MoveMemory } from './move-memory.ts'
import { Mover } from './mover.ts'
import { OperationReader } from './operation-reader.ts'
import { Operations } from './operations.ts'
import type { ProxyRegister, Watch } from './senses.ts'

export interface FailoverControlOptions {
  readonly store: ControlStore
  readonly feed: StateFeed
  readonly watch: Watch
  readonly register: ProxyRegister
  readonly runner: EffectRunner
  readonly rules: FailoverRules
  readonly clock: Clock
  readonly logger: Logger
  /** Term of this process while it leads. */
  readonly term: () => number | undefined
  /** The right to write; throws a Problem while this replica does not lead. */
  readonly authority: (by: Authorship) => Authority
  /** There is a hook that may wake a standby which does not answer. */
  readonly canWake: boolean
  /** People move, decisions are only shown. */
  readonly isOff?: boolean
  readonly retry?: RetryPolicy
  /** Told of each failover that has moved everything, in milliseconds from its beginning; drills are none. */
  readonly onFailover?: (tookMs: number) => void
  /** Told when leading has begun or ended for the parts below, which is a little later than for the lease. */
  readonly changed?: (term: number | undefined) => void
}

/** The parts of failover put together: what a leader does by itself, and what people ask of it. */
export class FailoverControl {
  readonly mover: Mover
  readonly freezes: Freezes
  readonly reader: OperationReader
  readonly operations: Operations
  /** For tests, which let time pass by hand. */
  readonly loop: FailoverLoop
  readonly #board = new HealthBoard()
  readonly #drive: FailoverDrive
  readonly #clock: Clock
  /** What effects wait for, by key. */
  readonly #waiting = new Map<string, string>()

  constructor(options: FailoverControlOptions) {
    const { store, feed, watch, clock, isOff = false, canWake, retry = defaultRetry } = options
    const board = this.#board
    const memory = new MoveMemory()
    const committed = () => feed.refresh()
    this.#clock = clock
    this.operations = new Operations({
      ...options,
      retry,
      committed,
      changed: (before, after, changes) => {
        noteMoves(memory, changes, clock)
        noteEnd(options, before, after)
        if (after.state !== 'running') this.#forget(after.id)
      },
    })
    this.reader = new OperationReader(store, clock, (key) => this.#waiting.get(key))
    this.freezes = new Freezes({ ...options, memory })
    const mover = new Mover({ ...options, operations: this.operations, board })
    const teller = new EventTeller({ ...options, board, committed })
    this.mover = mover
    this.loop = new FailoverLoop({
      ...options,
      memory,
      board,
      running: () => this.operations.running,
      act: (decision, topics) => mover.act(decision, topics),
      tell: () => teller.tell(),
      standbyTrouble: (standby) =>
        canWake || watch.facts(standby) !== undefined ? undefined : 'it does not answer',
      ...(isOff ? { off: 'automatic failover is switched off (--failover off)' } : {}),
    })
    this.#drive = new FailoverDrive({
      ...options,
      loop: this.loop,
      operations: this.operations,
      memory,
      board,
    })
  }

  /** This process leads from now on, under that term, or does not any more. Returns at once. */
  change(term: number | undefined): void {
    this.#drive.change(term)
  }

  /** Resolves when nothing is done any more; what is under way is left to the next leader. */
  async stop(): Promise<void> {
    await this.#drive.stop()
  }

  /** `undefined`: it is not watched, or this replica does not lead. */
  health(cluster: string): ClusterHealth | undefined {
    return this.#board.health(cluster, {
      wallMs: this.#clock.wallMs(),
      monotonicMs: this.#clock.monotonicMs(),
    })
  }

  /** Of the effect runner: what the effect with that key waits for. */
  progress(key: string, sentence: string): void {
    this.#waiting.set(key, sentence)
  }

  #forget(operation: string): void {
    for (const key of this.#waiting.keys()) if (key.startsWith(`${operation}/`)) this.#waiting.delete(key)
  }

  /** Of each watched cluster. */
  get states(): ReadonlyMap<string, ClusterHealth['state']> {
    return this.#board.states
  }
}

function noteMoves(memory: MoveMemory, changes: readonly Change[], clock: Clock): void {
  for (const change of changes) if (change.action === 'move') memory.moved(change.move, clock.monotonicMs())
}

function noteEnd(
  { onFailover, logger }: FailoverControlOptions,
  before: Operation | undefined,
  { id, plan, state, dryRun, createdAtMs, endedAtMs = createdAtMs }: Operation,
): void {
  if (state === 'running' || before?.state === state) return
  const tookMs = endedAtMs - createdAtMs
  logger.info({ operation: id, cluster: plan.cluster, state, tookMs }, 'the operation has ended')
  if (plan.kind === 'failover' && state === 'done' && !dryRun) onFailover?.(tookMs)
}
