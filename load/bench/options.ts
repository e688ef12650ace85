import { parseArgs } from 'node:util'
import { UsageError } from '../../src/cli/failure.ts'

export const benchUsage = `Usage: npm run bench [-- OPTIONS]

Measures Forebay beside the baselines in one run, in interleaved rounds, on real Kafka that it starts itself.

  --events N        events for each contender over all rounds (default 1000000)
  --rounds N        rounds, each contender once in each (default 5)
  --event-bytes N   size of an event (default 300)
  --per-body N      events in one NDJSON body (default 100)
  --connections N   keep-alive connections, one request at a time on each (default 64)
  --rate N          events per second, the same for all (default: as fast as each one answers)
  --brokers 1|3     brokers of the fronting cluster (default 1)
  --only LIST       parts: proxy,router (default both)
  --fronting LIST --consumer LIST   use these running clusters instead (host:port, comma-separated)
  --json FILE       write the figures there
  --write           write load/RESULTS.md and load/RESULTS.json
`

export interface BenchOptions {
  readonly events: number
  readonly rounds: number
  readonly eventBytes: number
  readonly eventsPerBody: number
  readonly connections: number
  readonly ratePerSecond: number | undefined
  readonly brokers: 1 | 3
  readonly parts: readonly string[]
  readonly fronting: readonly string[] | undefined
  readonly consumer: readonly string[] | undefined
  readonly jsonFile: string | undefined
  readonly write: boolean
  /** As it was typed, for the report. */
  readonly command: string
}

/** `undefined` when help was asked for; throws `UsageError`. */
export function benchOptions(argv: readonly string[]): BenchOptions | undefined {
  const { values } = parse(argv)
  if (values.help === true) return undefined
  const whole = (name: string, text: string | undefined, least = 1): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least)
      throw new UsageError(`--${name} needs a whole number of ${least} or more`)
    return value
  }
  const parts = values.only.split(',')
  const unknown = parts.find((part) => part !== 'proxy' && part !== 'router')
  if (unknown !== undefined) throw new UsageError(`--only: "${unknown}" is neither proxy nor router`)
  if (values.brokers !== '1' && values.brokers !== '3') throw new UsageError('--brokers is 1 or 3')
  if ((values.fronting === undefined) !== (values.consumer === undefined)) {
    throw new UsageError('--fronting and --consumer go together')
  }
  return {
    events: whole('events', values.events),
    rounds: whole('rounds', values.rounds),
    eventBytes: whole('event-bytes', values['event-bytes'], 64),
    eventsPerBody: whole('per-body', values['per-body']),
    connections: whole('connections', values.connections),
    ratePerSecond: values.rate === undefined ? undefined : whole('rate', values.rate),
    brokers: values.brokers === '3' ? 3 : 1,
    parts,
    fronting: values.fronting?.split(','),
    consumer: values.consumer?.split(','),
    jsonFile: values.json,
    write: values.write === true,
    command: ['npm run bench', ...(argv.length === 0 ? [] : ['--', ...argv])].join(' '),
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        events: { type: 'string', default: '1000000' },
        rounds: { type: 'string', default: '5' },
        'event-bytes': { type: 'string', default: '300' },
        'per-body': { type: 'string', default: '100' },
        connections: { type: 'string', default: '64' },
        rate: { type: 'string' },
        brokers: { type: 'string', default: '1' },
        only: { type: 'string', default: 'proxy,router' },
        fronting: { type: 'string' },
        consumer: { type: 'string' },
        json: { type: 'string' },
        write: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}
