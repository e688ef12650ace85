import { type ClusterHistory, isCurrent, type Scores, scores } from './history.ts'
import type { FailoverRules } from './rules.ts'

/** What the evidence of one cluster amounts to now, before any rule about moving is asked. */
export interface Assessment {
  /** False: the history is stale or we are blind, and nothing else here counts. */
  readonly current: boolean
  readonly scores: Scores
  /** Both kinds of evidence agree that the cluster must be left, and why. */
  readonly due?: string
  /** At least one kind of evidence is bad now: enough for the brake, not for a move. */
  readonly suspicion?: string
}

export function assess(history: ClusterHistory, nowMs: number, rules: FailoverRules): Assessment {
  const current = isCurrent(history, nowMs, rules)
  const now = scores(history, rules)
  if (!current) return { current, scores: now }
  const due = fastPath(history, rules) ?? slowPath(history, now, rules)
  const suspicion = suspect(history, now, rules)
  return {
    current,
    scores: now,
    ...(due === undefined ? {} : { due }),
    ...(suspicion === undefined ? {} : { suspicion }),
  }
}

/** Nothing at all gets through, says each side by itself, for some seconds on end. */
function fastPath({ recent }: ClusterHistory, rules: FailoverRules): string | undefined {
  const refused = recent.slice(-rules.fastRefusedSeconds)
  const silent = recent.slice(-rules.fastSilentSeconds)
  const isRefused = refused.length === rules.fastRefusedSeconds && refused.every((s) => s.watch === 'refused')
  const seconds = isRefused ? refused : silent
  if (!isRefused && silent.length < rules.fastSilentSeconds) return undefined
  const agreed = seconds.every(
    ({ blind, watch, proxies }) =>
      !blind && (watch === 'refused' || watch === 'silent') && proxies.kind === 'stuck',
  )
  const last = seconds.at(-1)
  if (!agreed || last?.proxies.kind !== 'stuck') return undefined
  const brokers = isRefused ? 'every broker refuses connections' : 'no broker answers'
  const voices = last.proxies.proxies === 1 ? 'the 1 proxy' : `all ${last.proxies.proxies} proxies`
  return `${brokers}, and nothing of ${voices} with traffic got through for ${seconds.length} s`
}

/** Both scores came to the mark, and the last round was bad on both sides. */
function slowPath(history: ClusterHistory, now: Scores, rules: FailoverRules): string | undefined {
  const last = history.rounds.at(-1)
  if (last?.kind !== 'seen' || last.proxies.kind !== 'bad' || last.watch.kind !== 'bad') return undefined
  if (now.proxies < rules.fireScore || now.watch < rules.fireScore) return undefined
  return `${last.proxies.why}, and ${last.watch.why} (scores ${now.proxies} and ${now.watch})`
}

function suspect(history: ClusterHistory, now: Scores, rules: FailoverRules): string | undefined {
  const second = history.recent.at(-1)
  const last = history.rounds.at(-1)
  const reasons: string[] = []
  if (second?.watch === 'refused') reasons.push('every broker refuses our connections')
  if (second?.watch === 'silent') reasons.push('no broker answers us')
  if (second?.proxies.kind === 'stuck') reasons.push('nothing of the proxies gets through')
  if (last?.kind === 'seen' && reasons.length === 0) {
    if (now.watch >= rules.brakeScore && last.watch.kind === 'bad') reasons.push(last.watch.why)
    if (now.proxies >= rules.brakeScore && last.proxies.kind === 'bad') reasons.push(last.proxies.why)
  }
  return reasons.length === 0 ? undefined : reasons.join(', and ')
}
