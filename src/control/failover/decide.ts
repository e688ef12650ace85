import { type Assessment, assess } from './assess.ts'
import { failbackGate } from './gate.ts'
import type { ClusterHistory, JudgedSecond } from './history.ts'
import type { FailoverRules } from './rules.ts'
import type { ClusterPhase, ClusterSituation, Decision, FailoverAction } from './situation.ts'

export interface DecisionState {
  /** Why a person froze all automatic moves. */
  readonly frozen?: string
}

/**
 * From evidence to action, once a second, for all watched fronting clusters together. Pure: `nowMs` is monotonic, and the same arguments
 * give the same answer. At most one action a cluster, and no action is ever due to one kind of evidence alone (rules "Failover").
 */
export function decide(
  situations: readonly ClusterSituation[],
  state: DecisionState,
  rules: FailoverRules,
  nowMs: number,
): readonly Decision[] {
  const views = situations.map((situation) => ({
    situation,
    assessment: assess(situation.history, nowMs, rules),
  }))
  const brake = brakeReason(views, rules, nowMs)
  return views.map((view) => decideOne(view, { frozen: state.frozen, brake, rules, nowMs }))
}

interface View {
  readonly situation: ClusterSituation
  readonly assessment: Assessment
}

interface Surroundings {
  readonly frozen: string | undefined
  readonly brake: string | undefined
  readonly rules: FailoverRules
  readonly nowMs: number
}

function decideOne(view: View, around: Surroundings): Decision {
  const { situation, assessment } = view
  const { cluster, phase } = situation
  const say = (action: FailoverAction, why: string): Decision => ({
    cluster,
    action,
    why,
    scores: assessment.scores,
  })
  if (!assessment.current) return say('none', `what we know of ${cluster} is not of now: it does not count`)
  if (phase.name === 'moving') return decideMoving(view, phase, around, say)
  if (phase.name === 'away') return decideAway(situation, around, say)
  const { due, suspicion } = assessment
  if (due === undefined)
    return suspicion === undefined ? say('none', `${cluster} is well`) : say('suspect', suspicion)
  const held = moveHeldBy(situation, around)
  if (held !== undefined) return say('hold', `${due}; not moved: ${held}`)
  return say(phase.name === 'returning' ? 'reverse' : 'fail-over', due)
}

type Say = (action: FailoverAction, why: string) => Decision

/** What a person started, a person ends. */
function decideMoving(
  { situation: { cluster, history }, assessment }: View,
  phase: ClusterPhase & { name: 'moving' },
  { frozen, rules }: Surroundings,
  say: Say,
): Decision {
  const isWell = assessment.due === undefined && assessment.suspicion === undefined
  const seconds = isWell ? recoveredFor(history, rules) : 0
  if (seconds === 0 || phase.published || !phase.automatic || frozen !== undefined)
    return say('none', `a failover of ${cluster} is under way`)
  return say('cancel', `${cluster} has been well again for ${seconds} s, and nothing has been moved yet`)
}

/** Seconds on end in which everything went through: a few where proxies prove it, a round where none has traffic; 0 = too few. */
function recoveredFor({ recent }: ClusterHistory, rules: FailoverRules): number {
  const proven = recent.slice(-rules.recoveredSeconds)
  const isThrough = ({ blind, watch }: JudgedSecond) => !blind && watch === 'through'
  if (
    proven.length === rules.recoveredSeconds &&
    proven.every((second) => isThrough(second) && second.proxies.kind === 'through')
  )
    return proven.length
  const quiet = recent.every((second) => isThrough(second) && second.proxies.kind !== 'stuck')
  return quiet && recent.length === rules.roundSeconds ? recent.length : 0
}

function decideAway(situation: ClusterSituation, around: Surroundings, say: Say): Decision {
  const { cluster, failback } = situation
  const gate = failbackGate(situation.history, around.rules)
  if (!gate.open) return say('none', `${cluster} is away: ${gate.why}`)
  if (failback === 'manual')
    return say('none', `${cluster} is well again; its failback is left to a person (failback: manual)`)
  const held = frozenReason(situation, around) ?? holdDownReason(situation, around)
  if (held !== undefined)
    return say('hold', `${cluster} is well again (${gate.why}); not brought back: ${held}`)
  return say('fail-back', gate.why)
}

/** Why no automatic move may be made; the order is the one in which a person would want to know. */
function moveHeldBy(situation: ClusterSituation, around: Surroundings): string | undefined {
  const { standby, phase } = situation
  const frozen = frozenReason(situation, around)
  if (frozen !== undefined) return frozen
  if (standby === undefined) return 'it has no standby'
  if (standby.unusable !== undefined) return `standby ${standby.name} cannot be used: ${standby.unusable}`
  if (phase.name === 'returning' && !phase.reversible)
    return 'a failback is past the point of return; it goes on when the cluster is back'
  return holdDownReason(situation, around) ?? intervalReason(situation, around) ?? around.brake
}

function frozenReason({ frozen }: ClusterSituation, around: Surroundings): string | undefined {
  const reason = around.frozen ?? frozen
  return reason === undefined ? undefined : `automatic moves are frozen: ${reason}`
}

function holdDownReason(
  { lastMoveAtMs }: ClusterSituation,
  { rules, nowMs }: Surroundings,
): string | undefined {
  const leftMs = lastMoveAtMs === undefined ? 0 : lastMoveAtMs + rules.holdDownMs - nowMs
  return leftMs > 0 ? `hold-down after the last move for ${inWords(leftMs)} more` : undefined
}

function intervalReason(
  { lastAutomaticMoveAtMs }: ClusterSituation,
  { rules, nowMs }: Surroundings,
): string | undefined {
  const leftMs =
    lastAutomaticMoveAtMs === undefined ? 0 : lastAutomaticMoveAtMs + rules.moveIntervalMs - nowMs
  if (leftMs <= 0) return undefined
  return `one automatic move in ${inWords(rules.moveIntervalMs)}, the next may come in ${inWords(leftMs)}`
}

/** When most clusters look bad at once, the fault is ours: our network, our machine, our certificate. */
function brakeReason(views: readonly View[], rules: FailoverRules, nowMs: number): string | undefined {
  if (views.length < rules.brakeClusters) return undefined
  const bad = views.filter(({ situation: { phase, lastMoveAtMs }, assessment }) => {
    const movedLongAgo = lastMoveAtMs === undefined || nowMs - lastMoveAtMs > rules.brakeMemoryMs
    return assessment.suspicion !== undefined && !(phase.name === 'away' && movedLongAgo)
  }).length
  if (bad <= rules.brakeShare * views.length) return undefined
  return `${bad} of ${views.length} clusters look bad at once, so the fault is probably ours`
}

function inWords(ms: number): string {
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} min` : `${Math.ceil(ms / 1000)} s`
}
