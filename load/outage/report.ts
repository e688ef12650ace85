import type { OutageTimeline } from '../../test/support/outage-timeline.ts'
import { markdownTable, number, withSpread } from '../report/format.ts'
import { spread } from '../report/statistics.ts'
import type { OutageResult } from './result.ts'

/** All runs under one command. */
export interface OutageReport {
  readonly command: string
  readonly fault: 'kill' | 'stop'
  /** ISO 8601 */
  readonly at: string
  readonly commit: string
  readonly machine: string
  readonly load: string
  readonly results: readonly OutageResult[]
}

const columns: readonly (readonly [
  head: string,
  of: (result: OutageResult) => number | undefined,
  digits: number,
])[] = [
  ['noticed after, s', ({ noticedSeconds }) => noticedSeconds, 1],
  ['all on the standby after, s', ({ movedSeconds }) => movedSeconds, 1],
  ['recovered after, s', ({ recoveredSeconds }) => recoveredSeconds, 1],
  ['accepted', ({ accepted }) => accepted, 0],
  ['refused', ({ refused }) => refused, 0],
  ['unanswered', ({ unanswered }) => unanswered, 0],
  ['lost', ({ lost }) => lost, 0],
  ['lost fast', ({ lostFast }) => lostFast, 0],
  ['reported lost', ({ reportedLost }) => reportedLost, 0],
  ['duplicates', ({ duplicates }) => duplicates, 0],
  ['resent', ({ resent }) => resent, 0],
  ['p99, ms', (result) => result.p99Ms, 0],
  ['p99 durable, ms', ({ durableP99Ms }) => durableP99Ms, 0],
]

/** The Markdown of several commands; the last of each fault. */
export function outageMarkdown(reports: readonly OutageReport[]): string {
  const lines = [
    '# Outages of the fronting cluster',
    '',
    'Made by `npm run bench:outage -- … --write`. Every broker is lost at once under load; seconds are after that. Medians with [smallest, largest]',
    'over the runs; events. Recovered: the first request sent after the fault that is answered after its acknowledgement by Kafka (Forebay: durable).',
    'Lost: acknowledged and in no log afterwards, by an independent reader; resent and duplicates: see semantics. The baselines have no standby, so',
    'they recover when the brokers come back.',
    '',
  ]
  for (const { command, at, commit, machine, load, results } of reports) {
    lines.push(
      `## \`${command}\``,
      '',
      `${at}, commit ${commit}; ${machine}`,
      '',
      load,
      '',
      ...table(results),
      '',
    )
  }
  return `${lines.join('\n').trimEnd()}\n`
}

function table(results: readonly OutageResult[]): string[] {
  const groups = [...Map.groupBy(results, ({ name }) => name)]
  return markdownTable(
    ['', ...groups.map(([name, all]) => `${name} (${all.length} ${all.length === 1 ? 'run' : 'runs'})`)],
    columns.map(([head, of, digits]) => [
      head,
      ...groups.map(([, all]) => {
        const values = all.map(of).filter((value) => value !== undefined)
        const [only] = values
        if (only === undefined) return '–'
        return values.length === 1 ? number(only, digits) : withSpread(spread(values), digits)
      }),
    ]),
  )
}

/** One run as a line of times, for the terminal. */
export function timelineText(timeline: OutageTimeline): string {
  const named: readonly (readonly [string, number | undefined])[] = [
    ['decided', timeline.decided],
    ['first topics published', timeline.published],
    ['a proxy on the standby', timeline.firstOnStandby],
    ['every proxy on the standby', timeline.allOnStandby],
    ['last topics published', timeline.lastPublished],
    ['acknowledged by all proxies', timeline.acknowledged],
    ['first new event at the readers', timeline.firstAtReaders],
    ['of every topic and proxy', timeline.allAtReaders],
    ['failover done', timeline.done],
  ]
  return named
    .toSorted(([, a], [, b]) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY))
    .map(
      ([name, seconds]) => `${seconds === undefined ? '    –' : seconds.toFixed(2).padStart(5)} s  ${name}`,
    )
    .join('\n')
}
