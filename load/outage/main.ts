import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../src/cli/failure.ts'
import { OutageBed } from '../../test/support/outage-bed.ts'
import type { Cleanup } from '../../test/support/temporary-folder.ts'
import { commitName, machineFacts } from '../report/machine.ts'
import { quietNode24 } from '../verify/quiet.ts'
import { baselineOutage, baselines } from './baseline-run.ts'
import { forebayOutage } from './forebay-run.ts'
import { type OutageBenchOptions, outageBenchOptions, outageUsage } from './options.ts'
import { type OutageReport, outageMarkdown, timelineText } from './report.ts'
import type { OutageResult } from './result.ts'

const startMs = performance.now()
const say = (line: string) =>
  console.error(`[${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s] ${line}`)

async function bench(options: OutageBenchOptions, owner: Cleanup): Promise<OutageReport> {
  const { fault, runs, eventsPerSecond, proxies, downSeconds } = options
  const head = { command: options.command, fault, at: new Date().toISOString(), commit: commitName() }
  say('starting a fronting cluster of 3 brokers, its standby, a consumer cluster and Forebay…')
  const bed = await OutageBed.start(owner, {
    topics: { 'bench.fast': { delivery: 'fast' }, 'bench.durable': { delivery: 'durable' } },
    proxies,
    // The runs follow each other.
    controlArgs: ['--hold-down', '1s', '--move-interval', '1s', '--failback-after', '1h'],
  })
  const results: OutageResult[] = []
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}: ${fault} at ${eventsPerSecond} events/s`)
    const { result, timeline } = await forebayOutage(bed, run, options, () => undefined)
    results.push(result)
    console.error(`${timelineText(timeline)}\n${JSON.stringify(result)}`)
    const { fronting } = bed
    if (!options.baselines || fronting === undefined) continue
    for (const baseline of baselines) {
      say(`run ${run} of ${runs}: ${baseline}`)
      const beside = await baselineOutage(fronting, baseline, run, options)
      results.push(beside)
      console.error(JSON.stringify(beside))
    }
  }
  const load = `${eventsPerSecond} events/s of 300 bytes, 20 a request, half to a fast (2 replicas) and half to a durable topic (3 replicas, 2 in sync), ${proxies} proxies or servers; brokers away for ${downSeconds} s`
  return { ...head, machine: machineFacts(), load, results }
}

function write(report: OutageReport, { jsonFile, write: keep }: OutageBenchOptions): void {
  console.log(outageMarkdown([report]))
  if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(report, undefined, 2)}\n`)
  if (!keep) return
  const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
  const [json, markdown] = [file('OUTAGE.json'), file('OUTAGE.md')]
  const before = existsSync(json) ? (JSON.parse(readFileSync(json, 'utf8')) as OutageReport[]) : []
  const all = [...before.filter(({ fault }) => fault !== report.fault), report]
  writeFileSync(json, `${JSON.stringify(all, undefined, 1)}\n`)
  writeFileSync(markdown, outageMarkdown(all))
}

function isGood({ results }: OutageReport): boolean {
  return results.every(
    ({ name, lost, movedSeconds }) => name !== 'Forebay' || (lost === 0 && movedSeconds !== undefined),
  )
}

async function main(options: OutageBenchOptions): Promise<number> {
  quietNode24()
  const hooks: (() => void | Promise<void>)[] = []
  try {
    const report = await bench(options, { after: (hook) => void hooks.push(hook) })
    write(report, options)
    return isGood(report) ? 0 : 1
  } finally {
    for (const hook of hooks.reverse()) {
      try {
        await hook()
      } catch (error) {
        console.error('could not clean up', error)
      }
    }
  }
}

// What was started is ended by the hooks on `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  const options = outageBenchOptions(process.argv.slice(2))
  if (options === undefined) console.log(outageUsage)
  process.exit(options === undefined ? 0 : await main(options))
} catch (error) {
  console.error(
    `bench:outage: ${error instanceof UsageError ? `${error.message}\n\n${outageUsage}` : (error as Error).stack}`,
  )
  process.exit(error instanceof UsageError ? 2 : 1)
}
