import {
  allHung,
  allKilled,
  before,
  type DecisionRow,
  fine,
  proxies,
  slowTrouble,
  times,
  watch,
} from './weather.ts'

/** Evidence of one cluster, and what it comes to when no rule about moving is in the way (rules.md "Failover", issue 5). */
export const evidenceRows: readonly DecisionRow[] = [
  { name: 'all is well', weather: before, action: 'none', why: /is well/ },
  // Fast path.
  {
    name: 'fast path: every broker killed, for 2 s',
    weather: [...before, ...times(2, allKilled)],
    action: 'fail-over',
    why: /^every broker refuses connections, and nothing of all 3 proxies with traffic got through for 2 s$/,
  },
  { name: 'fast path: one second is not enough', weather: [...before, allKilled], action: 'suspect' },
  {
    name: 'fast path: every broker hung, for 3 s',
    weather: [...before, ...times(3, allHung)],
    action: 'fail-over',
    why: /^no broker answers/,
  },
  {
    name: 'fast path: hung brokers may only pause, so 2 s are not enough',
    weather: [...before, ...times(2, allHung)],
    action: 'suspect',
  },
  {
    name: 'fast path: refused and silent brokers together count as silent',
    weather: [...before, ...times(3, { ...allHung, watch: watch(['silent', 'refused', 'silent']) })],
    action: 'fail-over',
  },
  {
    name: 'fast path: both kinds in each of the seconds',
    weather: [...before, { ...allKilled, reports: fine.reports }, allKilled],
    action: 'suspect',
  },
  {
    name: 'fast path: one proxy gets something through',
    weather: [...before, ...times(5, { ...allHung, reports: proxies('stuck', 'stuck', 'some-fail') })],
    action: 'suspect',
  },
  {
    name: 'fast path: an idle cluster whose every connection is cut off',
    weather: [...before, ...times(2, { ...allKilled, reports: proxies('cut-off', 'cut-off', 'cut-off') })],
    action: 'fail-over',
  },
  {
    name: 'fast path: a cluster of one broker',
    weather: [...before, ...times(2, { ...allKilled, watch: watch(['refused']) })],
    action: 'fail-over',
  },
  // Slow path, scores.
  {
    name: 'score 3: half of the brokers and most proxies are bad for three rounds',
    weather: [...before, ...times(30, slowTrouble)],
    action: 'fail-over',
    why: /2 of 3 proxies with traffic.*canary availability is 0\.33.*\(scores 3 and 3\)$/,
  },
  {
    name: 'score 2: two bad rounds are not enough',
    weather: [...before, ...times(20, slowTrouble)],
    action: 'suspect',
  },
  {
    name: 'score: a good round takes one point back',
    weather: [...before, ...times(20, slowTrouble), ...times(10, fine), ...times(10, slowTrouble)],
    action: 'suspect',
  },
  {
    name: 'score: three bad rounds, and well by now',
    weather: [...before, ...times(30, slowTrouble), ...times(10, fine)],
    action: 'none',
  },
  {
    name: 'score: the proxies were bad for long, and are well by now',
    weather: [...before, ...times(60, slowTrouble), ...times(10, { ...slowTrouble, reports: fine.reports })],
    action: 'suspect',
  },
  {
    name: 'score: the watch found it bad for long, and finds it well by now',
    weather: [...before, ...times(60, slowTrouble), ...times(10, { ...fine, reports: slowTrouble.reports })],
    action: 'suspect',
  },
  {
    name: 'score: both kinds must have come to 3, one that is at 6 does not help the other',
    weather: [...before, ...times(60, { ...slowTrouble, reports: fine.reports }), ...times(20, slowTrouble)],
    action: 'suspect',
  },
  {
    name: 'drop and error ratio: 1 % is allowed',
    weather: [
      ...before,
      ...times(60, {
        ...slowTrouble,
        reports: proxies('well', 'well', 'some-fail'),
      }),
    ],
    action: 'suspect',
  },
  {
    name: 'leaders: a fifth of the partitions without one, and the proxies feel it',
    weather: [
      ...before,
      ...times(30, {
        watch: watch(['well', 'well', 'well'], {
          partitions: { known: 10, withoutLeader: 2, underReplicated: 4, endMoved: 8, committedMoved: 8 },
        }),
        reports: proxies('some-fail', 'some-fail', 'some-fail'),
      }),
    ],
    action: 'fail-over',
    why: /20 % of the partitions have no leader/,
  },
  {
    name: 'leaders: an election of 9 s in every round heals by itself',
    weather: [
      ...before,
      ...times(3, fine).flatMap(() => [
        ...times(9, {
          watch: watch(['well', 'well', 'well'], {
            partitions: { known: 10, withoutLeader: 9, underReplicated: 9, endMoved: 0, committedMoved: 0 },
          }),
          reports: proxies('some-fail', 'some-fail', 'some-fail'),
        }),
        fine,
      ]),
    ],
    action: 'suspect',
  },
  {
    name: 'quorum: lost, and durable events fail',
    weather: [
      ...before,
      ...times(30, {
        watch: watch(['well', 'well', 'well'], { quorum: 'silent' }),
        reports: proxies('some-fail', 'some-fail', 'some-fail'),
      }),
    ],
    action: 'fail-over',
    why: /quorum does not answer/,
  },
  {
    name: 'quorum: lost, and the data path goes on',
    weather: [
      ...before,
      ...times(60, {
        watch: watch(['well', 'well', 'well'], { quorum: 'silent' }),
        reports: proxies('well', 'well', 'well'),
      }),
    ],
    action: 'suspect',
  },
  // Two kinds of evidence.
  {
    name: 'one kind: only the proxies are in trouble (their network)',
    weather: [...before, ...times(90, { ...fine, reports: proxies('stuck', 'stuck', 'stuck') })],
    action: 'suspect',
    why: /nothing of the proxies gets through/,
  },
  {
    name: 'one kind: only the watch is in trouble (our network)',
    weather: [...before, ...times(90, { ...allKilled, reports: proxies('well', 'well', 'well') })],
    action: 'suspect',
    why: /every broker refuses our connections/,
  },
  {
    name: 'one kind: no proxy has traffic, however dead it looks to us',
    weather: [...before, ...times(90, { ...allHung, reports: proxies('idle', 'idle', 'idle') })],
    action: 'suspect',
  },
  {
    name: 'one kind: no proxy reports at all',
    weather: [...before, ...times(90, { ...allKilled, reports: [] })],
    action: 'suspect',
  },
  {
    name: 'one kind: the watch has no data',
    weather: [...before, ...times(90, { reports: proxies('stuck', 'stuck', 'stuck') })],
    action: 'suspect',
  },
  // What must not move a cluster (issue 5).
  {
    name: 'one dead broker of three',
    weather: [
      ...before,
      ...times(4, {
        watch: watch(['refused', 'well', 'well']),
        reports: proxies('one-broker-fails', 'one-broker-fails', 'one-broker-fails'),
      }),
      ...times(90, { watch: watch(['refused', 'well', 'well']), reports: proxies('well', 'well', 'well') }),
    ],
    action: 'none',
  },
  {
    name: 'one slow broker of three, which all proxies feel for long',
    weather: [
      ...before,
      ...times(90, {
        watch: watch(['slow', 'well', 'well']),
        reports: proxies('one-broker-fails', 'one-broker-fails', 'one-broker-fails'),
      }),
    ],
    action: 'suspect',
  },
  {
    name: 'one proxy with a cut network',
    weather: [...before, ...times(90, { ...fine, reports: proxies('cut-off', 'well', 'well') })],
    action: 'none',
  },
  {
    name: 'one proxy with a cut network, while we see a broker down',
    weather: [
      ...before,
      ...times(90, { watch: watch(['refused', 'slow', 'well']), reports: proxies('stuck', 'well', 'well') }),
    ],
    action: 'suspect',
  },
  {
    name: 'reports that disagree: fewer than half are bad',
    weather: [
      ...before,
      ...times(60, { ...slowTrouble, reports: proxies('stuck', 'stuck', 'well', 'well', 'well') }),
    ],
    action: 'suspect',
  },
  {
    name: 'reports that disagree: half are bad, and the watch agrees with them for three rounds',
    weather: [
      ...before,
      ...times(30, { ...slowTrouble, reports: proxies('stuck', 'stuck', 'well', 'well') }),
    ],
    action: 'fail-over',
  },
  {
    name: 'most proxies are not heard: the fault may lie between them and us',
    weather: [...before, ...times(60, { ...allKilled, reports: proxies('stuck', 'stuck'), liveProxies: 5 })],
    action: 'suspect',
  },
  {
    name: 'a stalled proxy proves nothing (F27)',
    weather: [...before, ...times(60, { ...slowTrouble, reports: proxies('stalled', 'idle', 'idle') })],
    action: 'suspect',
  },
  {
    name: 'a rolling restart, 15 s a broker',
    weather: [
      ...before,
      ...[0, 1, 2].flatMap((down) => [
        ...times(15, {
          watch: watch([0, 1, 2].map((id) => (id === down ? 'refused' : 'well'))),
          reports: proxies('one-broker-fails', 'well', 'one-broker-fails'),
        }),
        ...times(5, fine),
      ]),
    ],
    action: 'suspect',
  },
  {
    name: 'an empty idle cluster',
    weather: [...before, ...times(90, { ...fine, reports: proxies('idle', 'idle', 'idle') })],
    action: 'none',
  },
  // Ourselves.
  {
    name: 'own stall: a pause of 30 s, and what had timed out meanwhile (F22)',
    weather: [...before, { ...allHung, tookMs: 30_000 }, ...times(2, allHung), ...times(10, fine)],
    action: 'none',
  },
  {
    name: 'own stall: nothing fires while we are blind',
    weather: [...before, { ...allKilled, tookMs: 30_000 }, ...times(2, allKilled)],
    action: 'none',
    why: /not of now/,
  },
  {
    name: 'own stall: what was seen while blind does not count when we see again',
    weather: [...before, { ...allKilled, tookMs: 30_000 }, ...times(3, allKilled)],
    action: 'suspect',
  },
  {
    name: 'own stall: a cluster that is still dead is moved once we see again',
    weather: [...before, { ...allKilled, tookMs: 30_000 }, ...times(4, allKilled)],
    action: 'fail-over',
  },
  {
    name: 'own stall: a stall in each round, and no round counts',
    weather: [
      ...before,
      ...times(6, fine).flatMap(() => [{ ...slowTrouble, tookMs: 5000 }, ...times(9, slowTrouble)]),
    ],
    action: 'none',
  },
  {
    name: 'own clock: the wall clock jumps by an hour (F39)',
    weather: [...before, { ...allKilled, jumpMs: 3_600_000 }, ...times(2, allKilled)],
    action: 'none',
  },
  {
    name: 'own clock: back by ten days (F39)',
    weather: [...before, { ...allHung, jumpMs: -864_000_000 }, ...times(2, allHung)],
    action: 'none',
  },
  { name: 'just started: blind at first', weather: times(3, allKilled), action: 'none' },
]
