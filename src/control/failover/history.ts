import type { ClusterSecond } from './evidence.ts'
import { judgeProxyRound, judgeProxySecond, type ProxyRound, type ProxySecond } from './proxy-verdict.ts'
import type { FailoverRules } from './rules.ts'
import { judgeWatchRound, judgeWatchSecond, type WatchRound, type WatchSecond } from './watch-verdict.ts'

/** What is remembered of one cluster. Immutable; lives in memory only: a new leader of the control plane starts with nothing seen. */
export interface ClusterHistory {
  /** The latest, newest last, at most a round of them. */
  readonly recent: readonly JudgedSecond[]
  /** Seconds of the round that is not complete yet. */
  readonly open: readonly ClusterSecond[]
  /** One of them was blind. */
  readonly openIsBlind: boolean
  /** Newest last. */
  readonly rounds: readonly Round[]
  /** Monotonic; until then our own stall colours what we see. */
  readonly blindUntilMs: number
  /** The last window's end. */
  readonly lastAtMs?: number
  readonly lastWallMs?: number
}

export interface JudgedSecond {
  readonly atMs: number
  readonly blind: boolean
  readonly proxies: ProxySecond
  readonly watch: WatchSecond
}

/** A blind round counts neither way. */
export type Round =
  | { readonly kind: 'blind'; readonly atMs: number }
  | { readonly kind: 'seen'; readonly atMs: number; readonly proxies: ProxyRound; readonly watch: WatchRound }

export interface Scores {
  /** Both kinds of evidence have a score of their own: +1 a bad round, −1 a good one, from 0 to `maxScore`. */
  readonly proxies: number
  readonly watch: number
}

export const emptyHistory: ClusterHistory = {
  recent: [],
  open: [],
  openIsBlind: false,
  rounds: [],
  blindUntilMs: Number.NEGATIVE_INFINITY,
}

/** Takes one more second into the history. Pure. */
export function observe(
  history: ClusterHistory,
  second: ClusterSecond,
  rules: FailoverRules,
): ClusterHistory {
  const blindUntilMs = Math.max(history.blindUntilMs, blindness(history, second, rules))
  const blind = second.atMs < blindUntilMs
  const judged: JudgedSecond = {
    atMs: second.atMs,
    blind,
    proxies: judgeProxySecond(second, rules),
    watch: judgeWatchSecond(second),
  }
  const open = [...history.open, second]
  const openIsBlind = history.openIsBlind || blind
  const complete = open.length >= rules.roundSeconds
  return {
    recent: [...history.recent, judged].slice(-rules.roundSeconds),
    open: complete ? [] : open,
    openIsBlind: complete ? false : openIsBlind,
    rounds: complete
      ? [...history.rounds, judgeRound(open, openIsBlind, second.atMs, rules)].slice(-rules.rememberedRounds)
      : history.rounds,
    blindUntilMs,
    lastAtMs: second.atMs,
    lastWallMs: second.wallMs,
  }
}

/**
 * Until when we are blind because of how this window came: late, out of order, or with a wall clock that jumped (which is what a
 * suspended machine looks like too). The first window of all is just as suspect: everything is connecting.
 */
function blindness(
  { lastAtMs, lastWallMs }: ClusterHistory,
  { atMs, wallMs }: ClusterSecond,
  rules: FailoverRules,
): number {
  if (lastAtMs === undefined || lastWallMs === undefined) return atMs + rules.settleMs
  const tookMs = atMs - lastAtMs
  const wallTookMs = wallMs - lastWallMs
  const stalled = tookMs > 1000 + rules.stallMs || tookMs <= 0
  const jumped = Math.abs(wallTookMs - tookMs) > rules.clockJumpMs
  return stalled || jumped ? atMs + rules.settleMs : Number.NEGATIVE_INFINITY
}

function judgeRound(
  seconds: readonly ClusterSecond[],
  blind: boolean,
  atMs: number,
  rules: FailoverRules,
): Round {
  if (blind) return { kind: 'blind', atMs }
  return {
    kind: 'seen',
    atMs,
    proxies: judgeProxyRound(seconds, rules),
    watch: judgeWatchRound(seconds, rules),
  }
}

export function scores({ rounds }: ClusterHistory, rules: FailoverRules): Scores {
  let proxies = 0
  let watch = 0
  for (const round of rounds) {
    if (round.kind === 'blind') continue
    proxies = nextScore(proxies, round.proxies.kind, rules)
    watch = nextScore(watch, round.watch.kind, rules)
  }
  return { proxies, watch }
}

function nextScore(score: number, kind: 'bad' | 'good' | 'unknown', rules: FailoverRules): number {
  if (kind === 'bad') return Math.min(rules.maxScore, score + 1)
  return kind === 'good' ? Math.max(0, score - 1) : score
}

/** Whether the history ends now: one that stopped growing proves nothing of the present. */
export function isCurrent(history: ClusterHistory, nowMs: number, rules: FailoverRules): boolean {
  const { lastAtMs, blindUntilMs } = history
  if (lastAtMs === undefined || nowMs < blindUntilMs) return false
  return nowMs >= lastAtMs && nowMs - lastAtMs <= 1000 + rules.stallMs
}
