import { flag, parse, text, typed, whole } from '../../load/command-line.ts'

export const faultHelp = `Usage: npm run test:fault -- [options]

Runs the rows of the fault table against real Kafka and real proxies, one after the other.

  --short           each fault once, short times, figures tolerant of a busy machine
  --runs N          all of it N times (default 1)
  --only F01,F24    these rows; or one file of a row: f02-hung-for-8s
  --again N         what failed is run once more, at most N files in all; the report keeps both (default 0)
  --baselines N     in the first N runs the same fault under fastify + kafkajs and fastify + @platformatic/kafka too,
                    where a row compares them
  --resume          go on where the last run of the same length was interrupted (.forebay/test-fault.json)
  --limit SECONDS   for each file; past it, it is killed with all that it started (default 240 short, 1500 long)
  --json FILE       everything that was counted
  --write           into load/FAULTS.md and load/FAULTS.json; rows that did not run stay as they are
  --help            this text

Exit: 0 when all passed, 1 when not, 2 for wrong usage, 130 when it was interrupted.
`

export interface FaultRunOptions {
  /** As it was typed, for the report. */
  readonly command: string
  readonly short: boolean
  readonly runs: number
  /** Ids of rows in lower case; none: all. */
  readonly only: readonly string[]
  /** In so many runs; 0: none. */
  readonly baselines: number
  /** How many failed runs may be made good by another. */
  readonly again: number
  readonly resume: boolean
  /** Of one file. */
  readonly limitMs: number
  readonly jsonFile: string | undefined
  readonly write: boolean
}

const options = {
  short: { ...flag, default: false },
  runs: { ...text, default: '1' },
  only: { ...text, default: '' },
  baselines: text,
  again: text,
  resume: { ...flag, default: false },
  limit: text,
  json: text,
  write: { ...flag, default: false },
  help: { ...flag, short: 'h', default: false },
} as const

/** `undefined` when only help was asked for. Throws UsageError with a sentence for people. */
export function faultRunOptions(args: readonly string[]): FaultRunOptions | undefined {
  const values = parse(args, options)
  if (values.help) return undefined
  const { short } = values
  return {
    command: typed('npm run test:fault', args),
    short,
    runs: whole('runs', values.runs),
    only: values.only.toLowerCase().split(',').filter(Boolean),
    baselines: values.baselines === undefined ? 0 : whole('baselines', values.baselines),
    again: values.again === undefined ? 0 : whole('again', values.again),
    resume: values.resume,
    limitMs: 1000 * whole('limit', values.limit ?? (short ? '240' : '1500')),
    jsonFile: values.json,
    write: values.write,
  }
}
