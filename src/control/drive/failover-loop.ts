import type { Clock } from '../../core/clock.ts'
import type { ClusterSpec } from '../../core/resources.ts'
import { decide } from '../failover/decide.ts'
import { type ClusterHistory, emptyHistory, observe } from '../failover/history.ts'
import type { Operation } from '../failover/operation.ts'
import { phaseOf } from '../failover/phase.ts'
import type { FailoverRules } from '../failover/rules.ts'
import type { ClusterSituation, Decision, Standby } from '../failover/situation.ts'
import type { StateFeed } from '../store/state-feed.ts'
import type { HealthBoard } from './health-board.ts'
import { everywhere, type MoveMemory } from './move-memory.ts'
import type { ProxyRegister, Watch } from './senses.ts'
import { isAway, nowhere, type Whereabouts, whereabouts } from './whereabouts.ts'

export interface LoopOptions {
  readonly clock: Clock
  readonly rules: FailoverRules
  readonly watch: Watch
  readonly register: ProxyRegister
  readonly feed: Pick<StateFeed, 'state' | 'placements'>
  readonly memory: MoveMemory
  readonly board: HealthBoard
  /** Operations that run now. */
  readonly running: () => readonly Operation[]
  /** Does what was decided; resolves with why it could not, `undefined` when it is begun. Must not reject. */
  readonly act: (decision: Decision, topics: ReadonlySet<string>) => Promise<string | undefined>
  /** Writes what is news on the board. Must not reject. */
  readonly tell: () => Promise<void>
  /** Why the standby could not take anything now; `undefined` = it could, or a hook may wake it. */
  readonly standbyTrouble: (standby: string) => string | undefined
  /** Why nothing is ever moved without a person; `undefined` = it is. */
  readonly off?: string
}

/**
 * Once a second: evidence in, decision out, and what was decided begun. `tick` takes no time itself; what it begins goes on beside the
 * next ticks, one thing at a time for each cluster. Histories live as long as one term: whoever begins to lead looks for itself.
 */
export class FailoverLoop {
  readonly #options: LoopOptions
  #histories = new Map<string, ClusterHistory>()
  /** Cluster → the failback since whose begin its history counts: what is left of the outage must not reverse the return from it. */
  readonly #returns = new Map<string, string>()
  readonly #acting = new Set<string>()
  /** Why the last attempt to act failed, by cluster: a person sees it instead of a decision that is made anew every second. */
  readonly #obstacles = new Map<string, { readonly decision: Decision['action']; readonly why: string }>()
  #pending = new Set<Promise<void>>()
  #lastMs: number | undefined
  #seen: { placements: unknown; places: ReadonlyMap<string, Whereabouts> } = {
    placements: undefined,
    places: new Map(),
  }

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /** Before the first tick of a term. */
  begin(): void {
    this.#histories = new Map()
    this.#returns.clear()
    this.#obstacles.clear()
    this.#lastMs = undefined
    this.#options.board.clear()
  }

  tick(): void {
    const { clock, rules, register, board, memory, off } = this.#options
    const nowMs = clock.monotonicMs()
    if (this.#lastMs !== undefined && nowMs - this.#lastMs > 1000 + rules.stallMs) register.stalled(nowMs)
    this.#lastMs = nowMs
    const situations = this.#look(nowMs)
    const frozen = off ?? memory.frozen(everywhere)
    const decisions = decide(situations, frozen === undefined ? {} : { frozen }, rules, nowMs)
    board.show(
      decisions.map((decision, index) => ({
        situation: situations[index] as ClusterSituation,
        decision: this.#withObstacle(decision),
      })),
      { monotonicMs: nowMs, wallMs: clock.wallMs() },
    )
    this.#keep(this.#options.tell())
    for (const decision of decisions) this.#act(decision)
  }

  /** Resolves when nothing that a tick began is under way. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending)
  }

  #look(nowMs: number): readonly ClusterSituation[] {
    const { watch, feed, rules } = this.#options
    const clusters = [...feed.state.Cluster.values()].map(({ spec }) => spec)
    watch.watch(clusters.filter(({ role }) => role !== 'consumer'))
    if (this.#seen.placements !== feed.placements)
      this.#seen = {
        placements: feed.placements,
        places: whereabouts(feed.state.Topic, feed.placements),
      }
    const before = this.#histories
    this.#histories = new Map()
    return clusters
      .filter(({ role }) => role === 'fronting')
      .map((cluster) => {
        const second = this.#second(cluster.name, nowMs)
        const known = this.#beginsToReturn(cluster.name) ? undefined : before.get(cluster.name)
        const history = observe(known ?? emptyHistory, second, rules)
        this.#histories.set(cluster.name, history)
        return this.#situation(cluster, history)
      })
  }

  #beginsToReturn(cluster: string): boolean {
    const failback = this.#options
      .running()
      .find(
        ({ plan, goal, dryRun }) =>
          plan.cluster === cluster && plan.kind === 'failback' && goal === 'forward' && !dryRun,
      )
    if (failback === undefined || this.#returns.get(cluster) === failback.id) return false
    this.#returns.set(cluster, failback.id)
    return true
  }

  #second(cluster: string, nowMs: number) {
    const { watch, register, clock } = this.#options
    const window = watch.window(cluster)
    return {
      atMs: nowMs,
      wallMs: clock.wallMs(),
      ...(window === undefined ? {} : { watch: window }),
      ...register.of(cluster, nowMs),
    }
  }

  #situation({ name, standby, failback = 'auto' }: ClusterSpec, history: ClusterHistory): ClusterSituation {
    const { running, memory } = this.#options
    const place = this.#place(name)
    const operation = running().find(({ plan, dryRun }) => plan.cluster === name && !dryRun)
    const frozen = memory.frozen(name)
    const lastMoveAtMs = memory.lastMoveAtMs(name)
    const lastAutomaticMoveAtMs = memory.lastAutomaticMoveAtMs(name)
    return {
      cluster: name,
      history,
      phase: phaseOf(operation, isAway(place)),
      failback: place.away.length === 0 && place.awayByHand.length > 0 ? 'manual' : failback,
      ...(standby === undefined ? {} : { standby: this.#standby(standby) }),
      ...(frozen === undefined ? {} : { frozen }),
      ...(lastMoveAtMs === undefined ? {} : { lastMoveAtMs }),
      ...(lastAutomaticMoveAtMs === undefined ? {} : { lastAutomaticMoveAtMs }),
    }
  }

  #standby(name: string): Standby {
    const unusable = this.#options.standbyTrouble(name)
    return unusable === undefined ? { name } : { name, unusable }
  }

  #place(cluster: string): Whereabouts {
    return this.#seen.places.get(cluster) ?? nowhere
  }

  #act(decision: Decision): void {
    const { cluster, action } = decision
    if (action === 'none' || action === 'suspect' || action === 'hold') {
      this.#obstacles.delete(cluster)
      return
    }
    if (this.#acting.has(cluster)) return
    this.#acting.add(cluster)
    this.#keep(
      this.#options
        .act(decision, new Set(this.#place(cluster).away))
        .then((why) => {
          if (why === undefined) this.#obstacles.delete(cluster)
          else this.#obstacles.set(cluster, { decision: action, why })
        })
        .finally(() => this.#acting.delete(cluster)),
    )
  }

  #withObstacle(decision: Decision): Decision {
    const obstacle = this.#obstacles.get(decision.cluster)
    if (obstacle === undefined || obstacle.decision !== decision.action) return decision
    return { ...decision, action: 'hold', why: `${decision.why}; not done: ${obstacle.why}` }
  }

  #keep(work: Promise<void>): void {
    const kept: Promise<void> = work.finally(() => this.#pending.delete(kept))
    this.#pending.add(kept)
  }
}
