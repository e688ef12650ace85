import { flag, parse, text, typed, whole, word } from '../command-line.ts'

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

const options = {
  fault: { ...text, default: 'kill' },
  runs: { ...text, default: '1' },
  rate: text,
  proxies: text,
  down: text,
  baselines: flag,
  quick: flag,
  json: text,
  write: flag,
  help: { ...flag, short: 'h' },
} as const

/** `undefined` when help was asked for. Throws `UsageError` with a sentence. */
export function outageBenchOptions(argv: readonly string[]): OutageBenchOptions | undefined {
  const values = parse(argv, options)
  if (values.help === true) return undefined
  const quick = values.quick === true
  return {
    command: typed('npm run bench:outage', argv),
    fault: word('fault', values.fault, ['kill', 'stop']),
    runs: whole('runs', values.runs),
    eventsPerSecond: whole('rate', values.rate ?? (quick ? '2000' : '10000')),
    proxies: whole('proxies', values.proxies ?? (quick ? '2' : '3')),
    downSeconds: whole('down', values.down ?? (quick ? '15' : '30')),
    baselines: values.baselines === true,
    jsonFile: values.json,
    write: values.write === true,
  }
}
