import {
  allKilled,
  before,
  type DecisionRow,
  fine,
  proxies,
  slowTrouble,
  times,
  type Weather,
  watch,
} from './weather.ts'

const minuteMs = 60_000
const idle: Weather = { ...fine, reports: proxies('idle', 'idle') }
const idleKilled: Weather = { ...allKilled, reports: proxies('cut-off', 'cut-off') }
const wellAgain: Weather = { watch: watch(['well', 'well', 'well']), reports: [] }

/** What holds moves back, takes them back, or brings topics home (rules.md "Failover", semantics.md "Failover and failback"). */
export const guardRows: readonly DecisionRow[] = [
  // After a move.
  {
    name: 'hold-down: 15 min after a move',
    weather: [...before, ...times(3, allKilled)],
    situation: (nowMs) => ({ lastMoveAtMs: nowMs - 14 * minuteMs }),
    action: 'hold',
    why: /hold-down after the last move for 60 s more/,
  },
  {
    name: 'hold-down: over',
    weather: [...before, ...times(3, allKilled)],
    situation: (nowMs) => ({ lastMoveAtMs: nowMs - 15 * minuteMs }),
    action: 'fail-over',
  },
  {
    name: 'one automatic move an hour',
    weather: [...before, ...times(3, allKilled)],
    situation: (nowMs) => ({
      lastMoveAtMs: nowMs - 50 * minuteMs,
      lastAutomaticMoveAtMs: nowMs - 50 * minuteMs,
    }),
    action: 'hold',
    why: /one automatic move in 60 min, the next may come in 10 min/,
  },
  {
    name: 'one automatic move an hour: a move by hand does not count',
    weather: [...before, ...times(3, allKilled)],
    situation: (nowMs) => ({ lastMoveAtMs: nowMs - 20 * minuteMs }),
    action: 'fail-over',
  },
  {
    name: 'freeze of everything',
    weather: [...before, ...times(3, allKilled)],
    state: { frozen: 'maintenance of rack b' },
    action: 'hold',
    why: /automatic moves are frozen: maintenance of rack b/,
  },
  {
    name: 'freeze of the cluster',
    weather: [...before, ...times(3, allKilled)],
    situation: () => ({ frozen: 'being rebuilt' }),
    action: 'hold',
    why: /being rebuilt/,
  },
  {
    name: 'no standby',
    weather: [...before, ...times(3, allKilled)],
    withoutStandby: true,
    action: 'hold',
    why: /no standby/,
  },
  {
    name: 'a dead standby that nothing can wake (F12)',
    weather: [...before, ...times(3, allKilled)],
    situation: () => ({ standby: { name: 'standby-a', unusable: 'it does not answer' } }),
    action: 'hold',
    why: /standby standby-a cannot be used: it does not answer/,
  },
  // Under way.
  {
    name: 'moving: not twice',
    weather: [...before, ...times(5, allKilled)],
    situation: () => ({ phase: { name: 'moving', automatic: true, published: false } }),
    action: 'none',
  },
  {
    name: 'moving: taken back when the cluster is well before anything moved (F12)',
    weather: [...before, ...times(9, allKilled), ...times(3, fine)],
    situation: () => ({ phase: { name: 'moving', automatic: true, published: false } }),
    action: 'cancel',
  },
  {
    name: 'moving: taken back without traffic, after a whole round',
    weather: [...before, ...times(9, idleKilled), ...times(10, idle)],
    situation: () => ({ phase: { name: 'moving', automatic: true, published: false } }),
    action: 'cancel',
  },
  {
    name: 'moving: not taken back without traffic before that',
    weather: [...before, ...times(9, idleKilled), ...times(9, idle)],
    situation: () => ({ phase: { name: 'moving', automatic: true, published: false } }),
    action: 'none',
  },
  {
    name: 'moving: trouble that lets most events through is no recovery',
    weather: [...before, ...times(35, slowTrouble)],
    situation: () => ({ phase: { name: 'moving', automatic: true, published: false } }),
    action: 'none',
  },
  {
    name: 'moving: not taken back once something has moved',
    weather: [...before, ...times(9, allKilled), ...times(3, fine)],
    situation: () => ({ phase: { name: 'moving', automatic: true, published: true } }),
    action: 'none',
  },
  {
    name: 'moving: what a person began is not taken back',
    weather: [...before, ...times(3, fine)],
    situation: () => ({ phase: { name: 'moving', automatic: false, published: false } }),
    action: 'none',
  },
  {
    name: 'returning: dead again, so back to the standby',
    weather: [...before, ...times(3, allKilled)],
    situation: () => ({ phase: { name: 'returning', reversible: true } }),
    action: 'reverse',
  },
  {
    name: 'returning: dead again within the hour',
    weather: [...before, ...times(3, allKilled)],
    situation: (nowMs) => ({
      phase: { name: 'returning', reversible: true },
      lastAutomaticMoveAtMs: nowMs - 30 * minuteMs,
    }),
    action: 'hold',
  },
  {
    name: 'returning: dead again past the point of return',
    weather: [...before, ...times(3, allKilled)],
    situation: () => ({ phase: { name: 'returning', reversible: false } }),
    action: 'hold',
    why: /point of return/,
  },
  // Failback.
  {
    name: 'away: still dead',
    weather: [...before, ...times(400, { ...allKilled, reports: [] })],
    situation: () => ({ phase: { name: 'away' } }),
    action: 'none',
    why: /canary availability is 0\.00/,
  },
  {
    name: 'away: well for 5 min, replicas full, hold-down over',
    weather: [...before, ...times(300, wellAgain)],
    situation: () => ({ phase: { name: 'away' } }),
    action: 'fail-back',
    why: /canaries have passed for \d+ s and every replica is in sync/,
  },
  {
    name: 'away: not well for long enough',
    weather: [...times(100, allKilled), ...times(290, wellAgain)],
    situation: () => ({ phase: { name: 'away' } }),
    action: 'none',
    why: /well for 290 s of 300/,
  },
  {
    name: 'away: a replica is behind',
    weather: [
      ...times(320, {
        watch: watch(['well', 'well', 'well'], {
          partitions: { known: 10, withoutLeader: 0, underReplicated: 1, endMoved: 0, committedMoved: 0 },
        }),
        reports: [],
      }),
    ],
    situation: () => ({ phase: { name: 'away' } }),
    action: 'none',
    why: /replica in sync/,
  },
  {
    name: 'away: hold-down',
    weather: [...before, ...times(300, wellAgain)],
    situation: (nowMs) => ({ phase: { name: 'away' }, lastMoveAtMs: nowMs - 6 * minuteMs }),
    action: 'hold',
    why: /hold-down/,
  },
  {
    name: 'away: a failback is not a move, so the hour does not hold it back',
    weather: [...before, ...times(300, wellAgain)],
    situation: (nowMs) => ({
      phase: { name: 'away' },
      lastMoveAtMs: nowMs - 16 * minuteMs,
      lastAutomaticMoveAtMs: nowMs - 16 * minuteMs,
    }),
    action: 'fail-back',
  },
  {
    name: 'away: failback by hand only',
    weather: [...before, ...times(300, wellAgain)],
    situation: () => ({ phase: { name: 'away' }, failback: 'manual' }),
    action: 'none',
    why: /left to a person/,
  },
  {
    name: 'away: frozen',
    weather: [...before, ...times(300, wellAgain)],
    situation: () => ({ phase: { name: 'away' } }),
    state: { frozen: 'drill' },
    action: 'hold',
  },
]
