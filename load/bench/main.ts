import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../src/cli/failure.ts'
import { grouped } from '../../src/cli/output.ts'
import { type BenchReport, benchMarkdown, forebayIsExact, verdictsOf } from '../report/bench-report.ts'
import { commitName, machineFacts } from '../report/machine.ts'
import { parseSaved, savedMarkdown, withRun } from '../report/saved-results.ts'
import { mostWarmUpEvents } from '../scenarios/warm-up.ts'
import type { Bench } from './bench.ts'
import { BenchForebay } from './forebay.ts'
import { benchKafka } from './kafka.ts'
import { type BenchOptions, benchOptions } from './options.ts'
import { notPinned, pinCores } from './pinning.ts'
import { runScenarios } from './run-scenarios.ts'
import { deleteTopicsOf } from './topics.ts'
import { benchUsage } from './usage.ts'

const startMs = performance.now()
const say = (line: string) =>
  console.error(`[${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s] ${line}`)

async function bench(options: BenchOptions): Promise<BenchReport> {
  const pinning = options.pinned ? pinCores() : notPinned('as asked')
  keepCompiled()
  say(pinning.description)
  const kafka = await benchKafka(options, say)
  const prefix = `bench.r${randomBytes(4).toString('hex')}`
  try {
    const forebay = await BenchForebay.start(kafka, pinning.serverPrefix)
    try {
      return await report({ options, kafka, forebay, pinning, prefix, say })
    } finally {
      await forebay.stop()
      // On clusters that are not ours, nothing is left behind.
      if (options.fronting !== undefined) {
        await Promise.all([deleteTopicsOf(kafka.fronting, prefix), deleteTopicsOf(kafka.consumer, prefix)])
      }
    }
  } finally {
    await kafka.stop()
  }
}

/** Servers are started again and again: without compiling their modules anew that takes half the time. */
function keepCompiled(): void {
  const folder = mkdtempSync(join(tmpdir(), 'forebay-bench-compiled-'))
  process.env['NODE_COMPILE_CACHE'] = folder
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
}

async function report(run: Bench): Promise<BenchReport> {
  const at = new Date().toISOString()
  const results = await runScenarios(run)
  return {
    command: run.options.command,
    at,
    seconds: (performance.now() - startMs) / 1000,
    commit: commitName(),
    machine: machineFacts(),
    pinning: run.pinning.description,
    load: loadText(run.options),
    verdicts: verdictsOf(results),
    ...results,
  }
}

function loadText(options: BenchOptions): string {
  const { sizeText, eventsPerBody, connections, mode, rounds, roundSeconds, warmUpSeconds, brokers } = options
  const kafka =
    options.fronting === undefined ? `${brokers} fronting broker(s), 1 consumer broker` : 'given clusters'
  const pattern = options.pattern ?? 'uniform (latency: Poisson)'
  return [
    `events of ${sizeText}, ${eventsPerBody} in an NDJSON body or array, ${connections} ${mode} connections`,
    ...(options.rate === undefined ? ['saturated: closed loop'] : []),
    ...(options.saturated ? [] : [`one rate: open loop, ${pattern} arrivals`]),
    `warm-up of ${warmUpSeconds} s or ${grouped(mostWarmUpEvents)} events, ${rounds} rounds of ${roundSeconds} s in turn`,
    `6 partitions, acks=1, ${kafka}`,
  ].join('; ')
}

function write(finished: BenchReport, { jsonFile, write: results }: BenchOptions): void {
  const markdown = benchMarkdown(finished)
  console.log(markdown)
  const json = `${JSON.stringify(finished, undefined, 2)}\n`
  if (jsonFile !== undefined) writeFileSync(jsonFile, json)
  if (!results) return
  const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
  const saved = file('RESULTS.json')
  const all = withRun(parseSaved(existsSync(saved) ? readFileSync(saved, 'utf8') : undefined), finished)
  writeFileSync(saved, `${JSON.stringify(all, undefined, 2)}\n`)
  writeFileSync(file('RESULTS.md'), `${savedMarkdown(all)}\n`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  const options = benchOptions(process.argv.slice(2))
  if (options === undefined) {
    console.log(benchUsage)
    process.exit(0)
  }
  const finished = await bench(options)
  write(finished, options)
  process.exit(forebayIsExact(finished) ? 0 : 1)
} catch (error) {
  console.error(
    `bench: ${error instanceof UsageError ? `${error.message}\n\n${benchUsage}` : (error as Error).stack}`,
  )
  process.exit(error instanceof UsageError ? 2 : 1)
}
