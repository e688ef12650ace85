import { UsageError } from '../../src/cli/failure.ts'
import { flag, parse, positive, text, typed, whole, word } from '../command-line.ts'
import { bodyFormats } from '../generator/bodies.ts'
import { type ConnectionMode, connectionModes } from '../generator/connection-pool.ts'
import { type EventSource, fixedEvents, realEvents } from '../generator/event-source.ts'
import { type ArrivalPattern, arrivalPatterns } from '../generator/schedule.ts'
import { type Peer, parsePeer } from './peer.ts'

export const scenarioNames = [...bodyFormats, 'latency', 'topics', 'connections', 'router'] as const
export type ScenarioName = (typeof scenarioNames)[number]

export interface BenchOptions {
  readonly scenarios: readonly ScenarioName[]
  /** At most so many for each contender in one round. */
  readonly events: number
  readonly rounds: number
  readonly roundSeconds: number
  readonly warmUpSeconds: number
  readonly source: EventSource
  /** `300 bytes`, `real sizes` */
  readonly sizeText: string
  /** What the background load writes; for real data about its mean. */
  readonly eventBytes: number
  readonly eventsPerBody: number
  readonly connections: number
  readonly mode: ConnectionMode
  readonly pattern: ArrivalPattern | undefined
  /** Events per second, the same for all; of the cost scenarios only that phase. */
  readonly rate: number | undefined
  /** Of the cost scenarios only the saturated phase. */
  readonly saturated: boolean
  readonly brokers: 1 | 3
  /** Servers on a core of their own. */
  readonly pinned: boolean
  readonly peers: readonly Peer[]
  readonly topicCounts: readonly number[]
  readonly connectionCounts: readonly number[]
  readonly fronting: readonly string[] | undefined
  readonly consumer: readonly string[] | undefined
  readonly jsonFile: string | undefined
  readonly write: boolean
  /** As it was typed, for the report. */
  readonly command: string
}

const options = {
  scenario: { ...text, default: 'ndjson,array,single' },
  quick: flag,
  events: { ...text, default: '1000000' },
  rounds: text,
  seconds: text,
  'event-bytes': { ...text, default: '300' },
  'per-body': { ...text, default: '100' },
  connections: { ...text, default: '64' },
  mode: { ...text, default: 'keep-alive' },
  arrivals: text,
  rate: text,
  saturated: flag,
  unpinned: flag,
  brokers: { ...text, default: '1' },
  peer: { ...text, multiple: true },
  topics: text,
  'connection-counts': text,
  fronting: text,
  consumer: text,
  json: text,
  write: flag,
  help: flag,
} as const

/** `undefined` when help was asked for; throws `UsageError`. */
export function benchOptions(argv: readonly string[]): BenchOptions | undefined {
  const values = parse(argv, options)
  if (values.help === true) return undefined
  const quick = values.quick === true
  if ((values.fronting === undefined) !== (values.consumer === undefined)) {
    throw new UsageError('--fronting and --consumer go together')
  }
  if (values.brokers !== '1' && values.brokers !== '3') throw new UsageError('--brokers is 1 or 3')
  if (values.rate !== undefined && values.saturated === true) {
    throw new UsageError('--rate and --saturated exclude each other: each selects one phase')
  }
  const roundSeconds = positive('seconds', values.seconds ?? (quick ? '1.5' : '3'))
  return {
    scenarios: words('scenario', values.scenario, scenarioNames),
    events: whole('events', values.events),
    rounds: whole('rounds', values.rounds ?? (quick ? '3' : '5')),
    roundSeconds,
    // Never longer than this, and never more than 1,000,000 events.
    warmUpSeconds: quick ? 2 : 5,
    ...eventSizes(values['event-bytes']),
    eventsPerBody: whole('per-body', values['per-body']),
    connections: whole('connections', values.connections),
    mode: word('mode', values.mode, connectionModes),
    pattern: values.arrivals === undefined ? undefined : word('arrivals', values.arrivals, arrivalPatterns),
    rate: values.rate === undefined ? undefined : whole('rate', values.rate),
    saturated: values.saturated === true,
    brokers: values.brokers === '3' ? 3 : 1,
    pinned: values.unpinned !== true,
    peers: (values.peer ?? []).map(parsePeer),
    topicCounts: counts('topics', values.topics ?? (quick ? '1,100' : '1,10,100,1000')),
    connectionCounts: counts(
      'connection-counts',
      values['connection-counts'] ?? (quick ? '100,1000' : '100,1000,5000'),
    ),
    fronting: values.fronting?.split(','),
    consumer: values.consumer?.split(','),
    jsonFile: values.json,
    write: values.write === true,
    command: typed('npm run bench', argv),
  }
}

function eventSizes(size: string): Pick<BenchOptions, 'source' | 'sizeText' | 'eventBytes'> {
  if (size === 'real') return { source: realEvents(), sizeText: 'real sizes (demo data)', eventBytes: 1000 }
  const eventBytes = whole('event-bytes', size, 64)
  return { source: fixedEvents(eventBytes), sizeText: `${eventBytes} bytes`, eventBytes }
}

function counts(name: string, list: string): number[] {
  return list.split(',').map((count) => whole(name, count))
}

function words<Word extends string>(name: string, list: string, known: readonly Word[]): Word[] {
  return list.split(',').map((part) => word(name, part, known))
}
