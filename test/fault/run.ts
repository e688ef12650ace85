/**
 * The fault suite: `npm run test:fault`. One cluster of three brokers serves all rows, one after the other; each row is a file named by
 * its id and can be run alone with `node --test`.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commitName, machineFacts } from '../../load/report/machine.ts'
import { UsageError } from '../../src/cli/failure.ts'
import { removeOrphanedSets } from '../support/cluster-set.ts'
import { runFile } from '../support/fault-file-run.ts'
import { type FileReport, faultMarkdown, remarks } from '../support/fault-report.ts'
import { type FaultRunOptions, faultHelp, faultRunOptions } from '../support/fault-run-options.ts'
import { FaultRunState } from '../support/fault-run-state.ts'
import { serveFaultCluster } from '../support/fault-server.ts'

const folder = import.meta.dirname
const root = join(folder, '../..')
const stopped = new AbortController()

/** `f13-f14-moves.test.ts` has the rows `f13` and `f14`, which share what they run on. */
function idsOf(name: string): string[] {
  return (/^(?:f\d+-)+/.exec(name)?.[0] ?? '').split('-').filter(Boolean)
}

/** The files of the rows that were asked for. Throws on an id that no file has. */
function filesOf(only: readonly string[]): string[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
  const isAskedFor = (name: string, id: string) => idsOf(name).includes(id) || name === `${id}.test.ts`
  const missing = only.filter((id) => !names.some((name) => isAskedFor(name, id)))
  if (missing.length > 0) {
    const known = new Set(names.flatMap((name) => idsOf(name).map((id) => id.toUpperCase())))
    throw new UsageError(
      `--only: no row ${missing.join(', ').toUpperCase()}; there are ${[...known].join(', ')}`,
    )
  }
  return only.length === 0 ? names : names.filter((name) => only.some((id) => isAskedFor(name, id)))
}

/** The cluster that rows share, and what tells them of it. Replaced when a row was cut off in the middle. */
class SharedCluster {
  readonly #file = join(tmpdir(), `forebay-test-fault-${process.pid}.json`)
  #server: Awaited<ReturnType<typeof serveFaultCluster>> | undefined

  async env(): Promise<Record<string, string>> {
    this.#server ??= await serveFaultCluster()
    const { url } = this.#server
    writeFileSync(this.#file, JSON.stringify({ url }))
    return { TEST_KAFKA_CLUSTERS: this.#file, TEST_FAULT_CLUSTER: url }
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    await server?.close()
    rmSync(this.#file, { force: true })
  }
}

interface Turn {
  readonly file: string
  readonly round: number
}

/** Runs what is left of all rounds, and what failed once more when that is allowed. */
async function runAll(
  files: readonly string[],
  options: FaultRunOptions,
  state: FaultRunState,
): Promise<void> {
  const turnsLeft = () =>
    Array.from({ length: options.runs }, (_, round) =>
      files.filter((file) => state.passedOf(file) <= round).map((file) => ({ file, round })),
    ).flat()
  const cluster = new SharedCluster()
  try {
    await runTurns(turnsLeft(), options, state, cluster)
    const again = turnsLeft().slice(0, options.again)
    if (again.length === 0 || stopped.signal.aborted) return
    console.log(`\nfailed, once more: ${again.map(({ file }) => file).join(', ')}`)
    await runTurns(again, options, state, cluster)
  } finally {
    await cluster.close()
  }
}

async function runTurns(
  turns: readonly Turn[],
  options: FaultRunOptions,
  state: FaultRunState,
  cluster: SharedCluster,
): Promise<void> {
  for (const [index, { file, round }] of turns.entries()) {
    if (stopped.signal.aborted) return
    const seconds = turns.slice(index).reduce((sum, one) => sum + state.secondsOf(one.file), 0)
    const eta = `about ${Math.ceil(seconds / 60)} min left`
    console.log(`\n[${index + 1}/${turns.length}] ${file}, round ${round + 1} of ${options.runs}, ${eta}`)
    const env = {
      ...(await cluster.env()),
      ...(options.short ? {} : { TEST_FAULT_FULL: '1' }),
      ...(round < options.baselines ? { TEST_FAULT_BASELINES: '1' } : {}),
    }
    const { limitMs } = options
    const run = await runFile({ folder, file, limitMs, env, signal: stopped.signal })
    if (stopped.signal.aborted) return
    state.add(run)
    if (run.timedOut) console.error(`${file}: killed, because it took longer than ${limitMs / 1000} s`)
    if (run.timedOut) await cluster.close()
  }
}

function write(reports: readonly FileReport[]): void {
  const [json, markdown] = [join(root, 'load/FAULTS.json'), join(root, 'load/FAULTS.md')]
  const before = existsSync(json) ? (JSON.parse(readFileSync(json, 'utf8')) as FileReport[]) : []
  const ran = new Set(reports.map(({ file }) => file))
  const all = [...before.filter(({ file }) => !ran.has(file)), ...reports]
  writeFileSync(json, `${JSON.stringify(all, undefined, 1)}\n`)
  writeFileSync(markdown, faultMarkdown(all))
}

/** The exit code. */
async function main(options: FaultRunOptions): Promise<number> {
  const files = filesOf(options.only)
  const state = new FaultRunState(join(root, '.forebay/test-fault.json'), options)
  const about = { command: options.command, at: new Date().toISOString(), commit: commitName() }
  await removeOrphanedSets()
  await runAll(files, options, state)
  const machine = machineFacts()
  const reports = files.map((file) => ({ file, ...about, machine, runs: state.runsOf(file) }))
  const some = reports.filter(({ runs }) => runs.length > 0)
  console.log(`\n${faultMarkdown(some)}`)
  if (options.jsonFile !== undefined)
    writeFileSync(options.jsonFile, `${JSON.stringify(some, undefined, 2)}\n`)
  if (stopped.signal.aborted) return 130
  if (options.write) write(some)
  const good = files.every((file) => state.passedOf(file) >= options.runs)
  const failures = reports.flatMap(({ runs }) => runs.filter(({ passed }) => !passed)).length
  const said = remarks(some.flatMap(({ runs }) => runs))
  for (const line of said) console.error(line)
  const turns = failures === 0 ? '' : `; ${failures} failed once and passed when run again`
  console.log(good ? `all passed${turns}` : 'not all passed')
  return good ? 0 : 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second time somebody is in a hurry: brokers are killed on the way out.
    if (stopped.signal.aborted) process.exit(130)
    console.error(`${signal}: stopping; once more to stop at once`)
    stopped.abort()
  })
}
try {
  const options = faultRunOptions(process.argv.slice(2))
  if (options === undefined) console.log(faultHelp)
  process.exitCode = options === undefined ? 0 : await main(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${faultHelp}`)
  process.exitCode = 2
}
