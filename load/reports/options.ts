import { flag, parse, text, whole } from '../command-line.ts'

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

const options = {
  proxies: { ...text, default: '500' },
  clusters: { ...text, default: '2' },
  brokers: { ...text, default: '3' },
  seconds: { ...text, default: '20' },
  help: flag,
} as const

/** `undefined` when help was asked for; throws `UsageError`. */
export function reportLoadOptions(argv: readonly string[]): ReportLoadOptions | undefined {
  const values = parse(argv, options)
  if (values.help === true) return undefined
  return {
    proxies: whole('proxies', values.proxies),
    clusters: whole('clusters', values.clusters),
    brokers: whole('brokers', values.brokers),
    seconds: whole('seconds', values.seconds),
    warmUpSeconds: 10,
  }
}
