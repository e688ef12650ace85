import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ControlClient } from '../../src/cli/client.ts'
import { CommandFailure, UsageError } from '../../src/cli/failure.ts'
import { grouped, plural } from '../../src/cli/output.ts'
import { processTerminal } from '../../src/cli/process-terminal.ts'
import { readStackFile } from '../../src/cli/stack-file.ts'
import { ProgressLine, type Terminal } from '../../src/cli/terminal.ts'
import type { PlacementDocument } from '../../src/core/placement.ts'
import type { StackFile } from '../../src/core/stack-file.ts'
import { MultisetDigest } from '../verify/multiset-digest.ts'
import { type DemoOptions, demoOptions, demoUsage } from './options.ts'
import { fileSinkFolder, type Place, watchPlaces } from './places.ts'
import { planDemo } from './plan.ts'
import { demoTable, differences } from './report.ts'
import { sendAll } from './send-all.ts'

/** True when every event is in every sink exactly once. */
async function demo(terminal: Terminal, options: DemoOptions): Promise<boolean> {
  const { data, names, limit, patienceMs } = options
  const stack = readStackFile(data)
  if (stack === undefined) {
    throw new CommandFailure(`no stack runs in ${data}: start one with npm start, in another terminal`)
  }
  const plan = planDemo(`demo-${randomBytes(4).toString('hex')}`, limit)
  const document = await placements(terminal, stack)
  const places = await watchPlaces(document, plan, names, fileSinkFolder(data, stack.sinks))
  if (places.length === 0) {
    throw new CommandFailure(`no running route carries ${Object.values(names).join(' or ')}`)
  }
  const parts = `${plural(plan.webhooks, 'webhook payload')} and ${plural(plan.flights, 'flight record')}`
  terminal.write(`${parts} to ${stack.proxy}, run ${plan.run}\n`)
  try {
    const sent = { 'sample.events': new MultisetDigest(), 'sample.orders': new MultisetDigest() }
    const startMs = performance.now()
    const failed = await sendAll(terminal, plan, { proxy: stack.proxy, names }, sent)
    const sentMs = performance.now()
    await untilArrived(terminal, places, patienceMs)
    terminal.write(`\n${demoTable(places, sent, { startMs, sentMs })}\n`)
    const wrong = [...failed, ...differences(places, sent)]
    for (const line of wrong) terminal.write(`DIFFERENT: ${line}\n`)
    if (wrong.length === 0) terminal.write('Every event is in every sink, byte for byte, exactly once.\n')
    return wrong.length === 0
  } finally {
    await Promise.all(places.map((place) => place.stop()))
  }
}

async function placements(terminal: Terminal, { control }: StackFile): Promise<PlacementDocument> {
  const client = new ControlClient(control, undefined, terminal.interrupted)
  try {
    return await client.get<PlacementDocument>('/v1/placements')
  } finally {
    await client.close()
  }
}

/** Returns when every place has everything and a second more has brought no duplicate, or when nothing came for `patienceMs`. */
async function untilArrived(terminal: Terminal, places: readonly Place[], patienceMs: number): Promise<void> {
  const progress = new ProgressLine(terminal)
  const arrived = () => places.reduce((sum, { arrivals }) => sum + arrivals.digest.count, 0)
  let before = -1
  let changedMs = performance.now()
  while (!terminal.interrupted.aborted) {
    await Promise.all(places.map((place) => place.poll()))
    if (arrived() !== before) changedMs = performance.now()
    before = arrived()
    const quietMs = performance.now() - changedMs
    const complete = places.every(({ arrivals }) => arrivals.complete)
    if ((complete && quietMs > 1000) || quietMs > patienceMs) break
    progress.show(() =>
      places
        .map(({ topic, name, arrivals }) => `${topic} in ${name}: ${grouped(arrivals.distinct)}`)
        .join(' · '),
    )
    await sleep(100)
  }
  progress.clear()
}

const interruption = new AbortController()
process.on('SIGINT', () => {
  if (interruption.signal.aborted) process.exit(130)
  interruption.abort()
})
const terminal = processTerminal(interruption.signal)
try {
  const options = demoOptions(process.argv.slice(2))
  if (options === undefined) terminal.write(demoUsage)
  process.exit(options === undefined || (await demo(terminal, options)) ? 0 : 1)
} catch (error) {
  const { message, stack } = error as Error
  if (error instanceof UsageError) terminal.note(`demo: ${message}\n\n${demoUsage}`)
  else terminal.note(`demo: ${error instanceof CommandFailure ? message : stack}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
}
