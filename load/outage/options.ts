import { parseArgs } from 'node:util'
import { UsageError } from '../../src/cli/failure.ts'

export const outageUsage = `Usage: npm run bench:outage -- [options]

Kills or stops every broker of the fronting cluster under load and prints what happened then: with Forebay and its standby, and with
--baselines beside fastify + kafkajs and fastify + @platformatic/kafka, which have no failover. Starts and ends everything itself.

  --fault kill|stop   SIGKILL or SIGSTOP to every broker (default kill)
  --runs N            so many times (default 1)
  --rate N            events/s offered, half to a fast and half to a durable topic (default 10000)
  --proxies N         proxies, and servers of each baseline (default 3)
  --down SECONDS      the brokers stay away for so long (default 30)
  --baselines         measure the two others too, once for each run
  --quick             --rate 2000 --proxies 2 --down 15
  --json FILE         every run as JSON
  --write             into load/OUTAGE.md and load/OUTAGE.json, in place of the last runs with the same fault
  --help              this text

Examples:
  npm run bench:outage -- --quick
  npm run bench:outage -- --runs 20 --write
  npm run bench:outage -- --fault stop --runs 20 --baselines --write

Exit: 0 when nothing durable was lost and traffic flowed again by itself in every run, 1 when not, 2 for wrong usage.
`

export interface OutageBenchOptions {
  /** As it was typed, for the report. */
  readonly command: string
  readonly fault: 'kill' | 'stop'
  readonly runs: number
  readonly eventsPerSecond: number
  readonly proxies: number
  readonly downSeconds: number
  readonly baselines: boolean
  readonly jsonFile: string | undefined
  readonly write: boolean
}

/** `undefined` when help was asked for. Throws `UsageError` with a sentence. */
export function outageBenchOptions(argv: readonly string[]): OutageBenchOptions | undefined {
  const values = parse(argv)
  if (values.help === true) return undefined
  const quick = values.quick === true
  const { fault } = values
  if (fault !== 'kill' && fault !== 'stop')
    throw new UsageError(`--fault: "${fault}" is neither kill nor stop`)
  return {
    command: ['npm run bench:outage', ...(argv.length === 0 ? [] : ['--', ...argv])].join(' '),
    fault,
    runs: whole('runs', values.runs),
    eventsPerSecond: whole('rate', values.rate ?? (quick ? '2000' : '10000')),
    proxies: whole('proxies', values.proxies ?? (quick ? '2' : '3')),
    downSeconds: whole('down', values.down ?? (quick ? '15' : '30')),
    baselines: values.baselines === true,
    jsonFile: values.json,
    write: values.write === true,
  }
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        fault: { ...text, default: 'kill' },
        runs: { ...text, default: '1' },
        rate: text,
        proxies: text,
        down: text,
        baselines: flag,
        quick: flag,
        json: text,
        write: flag,
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name}: "${text}" is no whole number above 0`)
  return value
}
