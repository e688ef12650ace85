import type { ClusterSecond, ProxyVoice } from './evidence.ts'
import type { FailoverRules } from './rules.ts'

/** What the proxies together say of a second. `unknown`: nobody had anything to send, or too few were heard. */
export type ProxySecond =
  | { readonly kind: 'through' | 'unknown' }
  /** Not one event of any proxy that had events. */
  | { readonly kind: 'stuck'; readonly proxies: number }

export interface ProxyRound {
  readonly kind: 'bad' | 'good' | 'unknown'
  /** What was counted, for people: `2 of 3 proxies had more than 1 % of their attempts fail`. */
  readonly why: string
}

/**
 * Fast path. A proxy that reports nothing in this second is neither way, but half of those that could speak must say `stuck`: where most
 * are not heard, the fault may lie between them and us.
 */
export function judgeProxySecond(second: ClusterSecond, rules: FailoverRules): ProxySecond {
  const voices = second.reports.filter((voice) => !isStalled(voice, rules))
  if (voices.some(({ window }) => window.acked > 0)) return { kind: 'through' }
  const stuck = voices.filter((voice) => isStuck(voice, rules)).length
  const unheard = Math.max(0, second.liveProxies - second.reports.length)
  if (stuck === 0 || stuck < rules.proxyShare * (stuck + unheard)) return { kind: 'unknown' }
  return { kind: 'stuck', proxies: stuck }
}

/**
 * Slow round. A proxy with more than 1 % of its attempts failed, or with events that wait and none acknowledged, has a bad round. Proxies
 * with nothing to send are left out; those that were not heard count as not bad, so that our own deafness moves nothing.
 */
export function judgeProxyRound(seconds: readonly ClusterSecond[], rules: FailoverRules): ProxyRound {
  const sums = new Map<string, ProxySums>()
  let live = 0
  for (const { reports, liveProxies } of seconds) {
    live = Math.max(live, liveProxies)
    for (const voice of reports) addVoice(sums, voice, rules)
  }
  const verdicts = [...sums.values()].map((sum) => judgeSums(sum, rules))
  const bad = verdicts.filter((verdict) => verdict === 'bad').length
  const good = verdicts.filter((verdict) => verdict === 'good').length
  const unheard = Math.max(0, live - sums.size)
  if (bad + good === 0) return { kind: 'unknown', why: 'no proxy had anything to send' }
  const isBad = bad > 0 && bad >= rules.proxyShare * (bad + good + unheard)
  const notHeard = unheard === 0 ? '' : `, ${unheard} not heard`
  const why = `${bad} of ${bad + good} proxies with traffic had more than ${rules.failedRatio * 100} % of it fail${notHeard}`
  return { kind: isBad ? 'bad' : 'good', why }
}

interface ProxySums {
  acked: number
  failed: number
  stuckSeconds: number
}

function addVoice(sums: Map<string, ProxySums>, voice: ProxyVoice, rules: FailoverRules): void {
  const sum = sums.get(voice.proxy) ?? { acked: 0, failed: 0, stuckSeconds: 0 }
  sums.set(voice.proxy, sum)
  if (isStalled(voice, rules)) return
  sum.acked += voice.window.acked
  sum.failed += voice.window.failed + voice.window.dropped
  if (isStuck(voice, rules)) sum.stuckSeconds += 1
}

function judgeSums(
  { acked, failed, stuckSeconds }: ProxySums,
  rules: FailoverRules,
): 'bad' | 'good' | 'silent' {
  if (acked === 0) return failed > 0 || stuckSeconds > 0 ? 'bad' : 'silent'
  return failed > rules.failedRatio * (acked + failed) ? 'bad' : 'good'
}

/** It stood still itself (faults F27): what it failed to do says nothing of the cluster. */
function isStalled({ windowMs }: ProxyVoice, rules: FailoverRules): boolean {
  return windowMs > 1000 + rules.stallMs
}

/** Nothing came back, and something should have: events wait, attempts failed, or no connection can be had. */
function isStuck({ window }: ProxyVoice, rules: FailoverRules): boolean {
  const { acked, failed, dropped, waiting, oldestWaitMs, brokers } = window
  if (acked > 0) return false
  const waits = waiting > 0 && oldestWaitMs >= rules.stuckMs
  const cutOff = brokers.length > 0 && brokers.every(({ open }) => !open)
  return waits || failed + dropped > 0 || cutOff
}
