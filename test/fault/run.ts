/**
 * The fault suite: `npm run test:fault`. One cluster of three brokers serves all rows, one after the other; each row is a file named by
 * its id and can be run alone with `node --test`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { removeOrphanedSets } from '../support/cluster-set.ts'
import { serveFaultCluster } from '../support/fault-server.ts'

const folder = import.meta.dirname
const stateFile = join(folder, '../../.forebay/test-fault.json')

const help = `Usage: npm run test:fault -- [options]

Runs the rows of the fault table against real Kafka and real proxies.

  --short           each fault once, short times, figures tolerant of a busy machine
  --runs N          all of it N times (default 1)
  --only F01,F24    these rows
  --resume          leave out what passed in an earlier run (.forebay/test-fault.json)
  --help            this text
`

/** Rounds that each file has passed, in the state of `--resume`. */
type Passed = Record<string, number>

interface Options {
  readonly short: boolean
  readonly runs: number
  readonly only: readonly string[]
  readonly resume: boolean
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      short: { type: 'boolean', default: false },
      runs: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      resume: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    process.exit(0)
  }
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1)
    throw new TypeError(`--runs: "${values.runs}" is no number of runs`)
  const only = values.only.toLowerCase().split(',').filter(Boolean)
  return { short: values.short, runs, only, resume: values.resume }
}

/** The files of the rows that were asked for. Throws on an id that no file has. */
function filesOf(only: readonly string[]): string[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
  const missing = only.filter((id) => !names.some((name) => name.startsWith(`${id}-`)))
  if (missing.length > 0) {
    const known = names.map((name) => name.slice(0, name.indexOf('-')).toUpperCase())
    throw new TypeError(`--only: no row ${missing.join(', ').toUpperCase()}; there are ${known.join(', ')}`)
  }
  return only.length === 0 ? names : names.filter((name) => only.some((id) => name.startsWith(`${id}-`)))
}

/** Runs the files one after the other; true when all of them passed. Ends with the closing lines of node's test runner. */
async function runFiles(names: readonly string[], onPassed: (name: string) => void): Promise<boolean> {
  let failures = 0
  const stream = run({ files: names.map((name) => join(folder, name)), concurrency: 1 })
  stream.on('test:fail', () => {
    failures += 1
  })
  stream.on('test:summary', ({ file, success }) => {
    const name = names.find((one) => file?.endsWith(one) === true)
    if (name !== undefined && success) onPassed(name)
  })
  await pipeline(stream, new spec(), process.stdout, { end: false })
  return failures === 0
}

async function main(options: Options): Promise<boolean> {
  const names = filesOf(options.only)
  const passed: Passed =
    options.resume && existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')) : {}
  mkdirSync(dirname(stateFile), { recursive: true })
  await removeOrphanedSets()
  const server = await serveFaultCluster()
  const sharedFile = join(tmpdir(), `forebay-test-fault-${process.pid}.json`)
  writeFileSync(sharedFile, JSON.stringify({ url: server.url }))
  process.env.TEST_KAFKA_CLUSTERS = sharedFile
  process.env.TEST_FAULT_CLUSTER = server.url
  if (!options.short) process.env.TEST_FAULT_FULL = '1'
  let good = true
  try {
    for (let round = 1; round <= options.runs; round += 1) {
      const left = names.filter((name) => (passed[name] ?? 0) < round)
      if (left.length === 0) continue
      if (options.runs > 1) console.log(`round ${round} of ${options.runs}`)
      const onPassed = (name: string) => {
        passed[name] = (passed[name] ?? 0) + 1
        writeFileSync(stateFile, JSON.stringify(passed))
      }
      good = (await runFiles(left, onPassed)) && good
    }
  } finally {
    await server.close()
    rmSync(sharedFile, { force: true })
  }
  return good
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
try {
  process.exitCode = (await main(readOptions())) ? 0 : 1
} catch (error) {
  if (!(error instanceof TypeError)) throw error
  console.error(`${error.message}\n\n${help}`)
  process.exitCode = 2
}
