import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import type { MoveRequestBody, OperationKind } from '../../core/operations.ts'
import { Problem } from '../../core/problems.ts'
import type { ClusterSpec } from '../../core/resources.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { assess } from '../failover/assess.ts'
import { newOperation, type Operation } from '../failover/operation.ts'
import { startProblem } from '../failover/phase.ts'
import { type MovePlan, type PlacedTopic, planFailback, planFailover } from '../failover/plan.ts'
import type { FailoverRules } from '../failover/rules.ts'
import type { Decision } from '../failover/situation.ts'
import type { Authority, Authorship, ControlStore, StoreSnapshot } from '../store/control-store.ts'
import type { HealthBoard } from './health-board.ts'
import type { Operations } from './operations.ts'
import type { Watch } from './senses.ts'

export interface MoverOptions {
  readonly store: Pick<ControlStore, 'snapshot'>
  readonly operations: Operations
  readonly watch: Watch
  readonly board: HealthBoard
  readonly rules: FailoverRules
  readonly clock: Clock
  readonly logger: Logger
  /** The right to write; throws a Problem while this replica does not lead. */
  readonly authority: (by: Authorship) => Authority
}

export type MoveRequest = Omit<MoveRequestBody, 'reason' | 'dryRun'> & { readonly kind: OperationKind }

/** An answer is owed by then, though the store hangs. */
const beginDeadlineMs = 10_000
const decider = 'control'

/** Plans and begins moves, for people and for the decision alike. */
export class Mover {
  readonly #options: MoverOptions

  constructor(options: MoverOptions) {
    this.#options = options
  }

  /** What a move would do now. Throws a Problem when the request speaks of what is not there; look at `plan.problems` for the rest. */
  async plan(request: MoveRequest): Promise<MovePlan> {
    return this.#plan(request, await this.#options.store.snapshot())
  }

  /** Begins a move that a person wants; resolves when that is stored. Throws a Problem when it may not begin. */
  async start(request: MoveRequest, dryRun: boolean, { actor, reason = '' }: Authorship): Promise<Operation> {
    return this.#begin(request, { actor, reason, dryRun, automatic: false })
  }

  /** Does what was decided. Resolves with why it could not; never rejects. `topics`: those that an automatic failback brings back. */
  async act({ cluster, action, why }: Decision, topics: ReadonlySet<string>): Promise<string | undefined> {
    const { logger } = this.#options
    logger.warn({ cluster, action, why }, 'the decision is to act')
    try {
      const by = { actor: decider, reason: why, dryRun: false, automatic: true }
      if (action === 'fail-over') await this.#begin({ kind: 'failover', cluster, planned: false }, by)
      else if (action === 'fail-back')
        await this.#begin({ kind: 'failback', cluster, topics: [...topics] }, by)
      else return await this.#takeBack(cluster, why)
      return undefined
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      logger[error instanceof Problem ? 'warn' : 'error']({ err: error, cluster, action }, 'could not act')
      return problem
    }
  }

  /** Takes back what a person names. Throws a Problem when that is not possible. */
  async cancel(id: string, by: Authorship & { readonly reason: string }): Promise<void> {
    const { operations, authority } = this.#options
    authority(by)
    const problem = await operations.undo(id, { reason: by.reason, automatic: false }, by.actor)
    if (problem !== undefined)
      throw new Problem('conflict', `operation ${id} cannot be taken back: ${problem}`)
  }

  /** What was decided of a cluster while its operation ends is not wanted any more. */
  async #takeBack(cluster: string, why: string): Promise<string | undefined> {
    const { operations } = this.#options
    const running = operations.running.find(({ plan, dryRun }) => plan.cluster === cluster && !dryRun)
    if (running === undefined) return undefined
    return operations.undo(running.id, { reason: why, automatic: true }, decider)
  }

  async #begin(
    request: MoveRequest,
    by: Pick<Operation, 'actor' | 'reason' | 'dryRun' | 'automatic'>,
  ): Promise<Operation> {
    const { store, operations, authority, clock } = this.#options
    // Before anything is read: a decision made under one term is never written under a later one.
    const { term } = authority({ actor: by.actor, reason: by.reason })
    const plan = this.#plan(request, await store.snapshot())
    const operation = newOperation(newId(request.kind), plan, { ...by, term }, clock.wallMs())
    const problem = startProblem(operation, operations.running)
    if (problem !== undefined) throw refused(request, problem, operations.running)
    const late = new AbortController()
    const outcome = await Promise.race([
      operations.begin(operation).then((why) => ({ why })),
      sleep(beginDeadlineMs, 'late' as const, { signal: late.signal }),
    ])
    if (outcome === 'late')
      throw new Problem(
        'store-unavailable',
        `the store does not answer; whether ${operation.id} has begun will be seen under /v1/operations when it does`,
        { retryAfterSeconds: 1, extensions: { operation: operation.id } },
      )
    late.abort()
    if (outcome.why !== undefined) throw refused(request, outcome.why, operations.running)
    return operation
  }

  #plan(request: MoveRequest, { state, placements }: StoreSnapshot): MovePlan {
    const { watch } = this.#options
    const cluster = state.Cluster.get(request.cluster)?.spec
    if (cluster === undefined) throw new Problem('not-found', `there is no cluster ${request.cluster}`)
    const standby = standbyOf(cluster)
    const topics = placements.flatMap((placement): PlacedTopic[] => {
      const topic = state.Topic.get(placement.topic)
      return topic === undefined ? [] : [{ spec: topic.spec, placement, provisioned: topic.provisioned }]
    })
    refuseStrangers(request, topics)
    const only = request.topics === undefined ? {} : { only: new Set(request.topics) }
    const { name } = cluster
    if (request.kind === 'failback')
      return planFailback({ cluster: name, standby, topics, ...only, rates: watch.rates(standby) })
    const rates = watch.rates(name)
    const facts = watch.facts(standby)
    const planned = request.planned ?? this.#isWell(name)
    if (request.planned === true && !this.#isWell(name))
      throw new Problem(
        'conflict',
        `cluster ${name} is not seen to be well, so its events cannot all be read and acknowledged before the move: leave planned out to move it all the same`,
      )
    return planFailover({ cluster: name, standby, topics, ...only, rates, facts, planned })
  }

  #isWell(cluster: string): boolean {
    const { board, clock, rules } = this.#options
    const history = board.history(cluster)
    if (history === undefined) return false
    const { current, due, suspicion } = assess(history, clock.monotonicMs(), rules)
    const last = history.recent.at(-1)
    return current && due === undefined && suspicion === undefined && last?.watch === 'through'
  }
}

function standbyOf({ name, role, standby }: ClusterSpec): string {
  if (role !== 'fronting')
    throw new Problem(
      'conflict',
      `${name} is a ${role} cluster: only a fronting cluster has a standby to move to`,
    )
  if (standby === undefined)
    throw new Problem(
      'conflict',
      `cluster ${name} has no standby: give it one first (key standby of the cluster)`,
    )
  return standby
}

/** A name that is mistyped must not become "every other one". */
function refuseStrangers({ cluster, topics: wanted }: MoveRequest, topics: readonly PlacedTopic[]): void {
  if (wanted === undefined) return
  const own = new Set(topics.filter(({ spec }) => spec.cluster === cluster).map(({ spec }) => spec.name))
  const stranger = wanted.find((topic) => !own.has(topic))
  if (stranger !== undefined)
    throw new Problem('not-found', `there is no topic ${stranger} of cluster ${cluster}`)
}

function refused({ kind, cluster }: MoveRequest, problem: string, running: readonly Operation[]): Problem {
  const other = running.find(({ plan, dryRun }) => plan.cluster === cluster && !dryRun)
  return new Problem('conflict', `the ${kind} of ${cluster} cannot begin: ${problem}`, {
    ...(other === undefined ? {} : { extensions: { operation: other.id } }),
  })
}

/** Sorts by time; the rest is random, because it is half of the keys that hooks are called with, for ever. */
function newId(kind: OperationKind): string {
  return `${kind}-${Date.now().toString(36)}-${randomBytes(4).toString('hex')}`
}
