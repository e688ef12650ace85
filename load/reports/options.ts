import { parseArgs } from 'node:util'
import { UsageError } from '../../src/cli/failure.ts'

export interface ReportLoadOptions {
  readonly proxies: number
  readonly clusters: number
  readonly brokers: number
  readonly seconds: number
  readonly warmUpSeconds: number
}

export const reportLoadHelp = `Usage: node load/reports/main.ts [options]

What the reports of many proxies cost a control plane with SQLite: starts one, lets another process report to it as
each of the proxies would, once a second, and follow the placement as they do; says the control plane's CPU.

  --proxies N   (default 500)
  --clusters N  in each report (default 2)
  --brokers N   of each cluster (default 3)
  --seconds N   measured (default 20), after a warm-up of 10
`

/** `undefined` when help was asked for; throws `UsageError`. */
export function reportLoadOptions(argv: readonly string[]): ReportLoadOptions | undefined {
  const { values } = parse(argv)
  if (values.help === true) return undefined
  const count = (name: 'proxies' | 'clusters' | 'brokers' | 'seconds', fallback: number) => {
    const value = Number(values[name] ?? fallback)
    if (!Number.isSafeInteger(value) || value < 1)
      throw new UsageError(`--${name}: ${values[name]} is no number of ${name}`)
    return value
  }
  return {
    proxies: count('proxies', 500),
    clusters: count('clusters', 2),
    brokers: count('brokers', 3),
    seconds: count('seconds', 20),
    warmUpSeconds: 10,
  }
}

function parse(argv: readonly string[]) {
  const option = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        proxies: option,
        clusters: option,
        brokers: option,
        seconds: option,
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}
