import type { DecisionState } from '../../../../src/control/failover/decide.ts'
import type {
  CanaryCounts,
  ClusterSecond,
  ProxyVoice,
  WatchedBroker,
  WatchWindow,
} from '../../../../src/control/failover/evidence.ts'
import { type ClusterHistory, emptyHistory, observe } from '../../../../src/control/failover/history.ts'
import { defaultRules, type FailoverRules } from '../../../../src/control/failover/rules.ts'
import type { ClusterSituation, FailoverAction } from '../../../../src/control/failover/situation.ts'
import type { ReportedCluster } from '../../../../src/core/proxy-report.ts'

/** What one second looks like, before it has a time. */
export interface Weather {
  readonly watch?: WatchWindow
  readonly reports: readonly ProxyVoice[]
  readonly liveProxies?: number
  /** How long the window took by our monotonic clock; default 1000. */
  readonly tookMs?: number
  /** How far the wall clock jumped in it. */
  readonly jumpMs?: number
}

export type BrokerWeather = 'well' | 'refused' | 'silent' | 'slow'

export function broker(id: number, weather: BrokerWeather): WatchedBroker {
  const canary: CanaryCounts = {
    ok: weather === 'well' ? 1 : 0,
    failed: weather === 'well' ? 0 : 1,
    lost: 0,
    duplicated: 0,
  }
  const answer = weather === 'well' || weather === 'slow' ? 'answered' : weather
  return { id, answer, canary }
}

export function watch(brokers: readonly BrokerWeather[], more: Partial<WatchWindow> = {}): WatchWindow {
  return {
    brokers: brokers.map((weather, index) => broker(index + 1, weather)),
    partitions: { known: 10, withoutLeader: 0, underReplicated: 0, endMoved: 10, committedMoved: 10 },
    quorum: 'answered',
    ...more,
  }
}

export type ProxyWeather =
  | 'well'
  | 'stuck'
  | 'idle'
  | 'cut-off'
  | 'some-fail'
  | 'one-broker-fails'
  | 'stalled'

const windows: Readonly<Record<ProxyWeather, Partial<ReportedCluster>>> = {
  well: { acked: 1000 },
  stuck: { waiting: 500, oldestWaitMs: 900 },
  idle: {},
  'cut-off': {
    brokers: [1, 2, 3].map((id) => ({ id, acked: 0, failed: 0, open: false, queuedBytes: 0 })),
  },
  'some-fail': { acked: 950, failed: 50 },
  'one-broker-fails': { acked: 900, failed: 100 },
  stalled: { waiting: 500, oldestWaitMs: 9000, failed: 100 },
}

export function voice(proxy: string, weather: ProxyWeather): ProxyVoice {
  return {
    proxy,
    windowMs: weather === 'stalled' ? 10_000 : 1000,
    window: {
      cluster: 'fronting-a',
      acked: 0,
      failed: 0,
      dropped: 0,
      waiting: 0,
      oldestWaitMs: 0,
      brokers: [],
      ...windows[weather],
    },
  }
}

export function proxies(...weathers: readonly ProxyWeather[]): readonly ProxyVoice[] {
  return weathers.map((weather, index) => voice(`proxy-${index}`, weather))
}

export const fine: Weather = {
  watch: watch(['well', 'well', 'well']),
  reports: proxies('well', 'well', 'well'),
}
export const allKilled: Weather = {
  watch: watch(['refused', 'refused', 'refused'], { quorum: 'silent' }),
  reports: proxies('stuck', 'stuck', 'stuck'),
}
export const allHung: Weather = {
  watch: watch(['silent', 'silent', 'silent'], { quorum: 'silent' }),
  reports: proxies('stuck', 'stuck', 'stuck'),
}

export function times(count: number, weather: Weather): readonly Weather[] {
  return Array.from({ length: count }, () => weather)
}

/** The last second ends at this moment; an arbitrary point, and large, as monotonic clocks are on old machines. */
export interface Observed {
  readonly history: ClusterHistory
  readonly nowMs: number
}

export function observeAll(
  weathers: readonly Weather[],
  rules: FailoverRules = defaultRules,
  startMs = 1_000_000,
): Observed {
  let history = emptyHistory
  let atMs = startMs
  let wallMs = 1_700_000_000_000
  for (const weather of weathers) {
    const tookMs = weather.tookMs ?? 1000
    atMs += tookMs
    wallMs += tookMs + (weather.jumpMs ?? 0)
    history = observe(history, secondOf(weather, atMs, wallMs), rules)
  }
  return { history, nowMs: atMs }
}

export function secondOf(weather: Weather, atMs: number, wallMs: number): ClusterSecond {
  return {
    atMs,
    wallMs,
    reports: weather.reports,
    liveProxies: weather.liveProxies ?? weather.reports.length,
    ...(weather.watch === undefined ? {} : { watch: weather.watch }),
  }
}

export function situation(history: ClusterHistory, more: Partial<ClusterSituation> = {}): ClusterSituation {
  return {
    cluster: 'fronting-a',
    history,
    phase: { name: 'home' },
    standby: { name: 'standby-a' },
    failback: 'auto',
    ...more,
  }
}

/** A row of the tables of `decide`: what was seen, what the store says, and what must come of it. */
export interface DecisionRow {
  readonly name: string
  readonly weather: readonly Weather[]
  readonly situation?: (nowMs: number) => Partial<ClusterSituation>
  readonly state?: DecisionState
  readonly withoutStandby?: true
  readonly action: FailoverAction
  /** A part of the sentence. */
  readonly why?: RegExp
}

/** Long enough to be past the blindness of the start, and a whole number of rounds. */
export const before = times(20, fine)

export const slowTrouble: Weather = {
  watch: watch(['slow', 'slow', 'well']),
  reports: proxies('some-fail', 'some-fail', 'well'),
}
