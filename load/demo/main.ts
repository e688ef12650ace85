import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ControlClient } from '../../src/cli/client.ts'
import { CommandFailure, UsageError } from '../../src/cli/failure.ts'
import { grouped, plural } from '../../src/cli/output.ts'
import { processTerminal } from '../../src/cli/process-terminal.ts'
import { Sender } from '../../src/cli/send/sender.ts'
import { readStackFile, type StackFile } from '../../src/cli/stack-file.ts'
import { ProgressLine } from '../../src/cli/terminal.ts'
import type { PlacementDocument } from '../../src/core/placement.ts'
import { MultisetDigest } from '../verify/multiset-digest.ts'
import { type DemoTopic, type Parcel, parcels } from './parcels.ts'
import { fileSinkFolder, type Place, watchPlaces } from './places.ts'
import { type DemoPlan, planDemo } from './plan.ts'
import { demoTable, differences } from './report.ts'

const usage = `Usage: npm run demo [-- --data DIR --limit N --patience SECONDS]

Replays GitHub webhook payloads and US flight records through the running local stack and shows that
each event arrives, byte for byte and exactly once, in every sink.

  --data DIR          where the stack runs (default .forebay)
  --limit N           only this many events (default: all 200,726)
  --patience SECONDS  give up when nothing more has arrived for this long (default 30)
`

interface DemoOptions {
  readonly data: string
  readonly limit: number | undefined
  readonly patienceMs: number
}

const connections = 8
const interruption = new AbortController()
process.on('SIGINT', () => {
  if (interruption.signal.aborted) process.exit(130)
  interruption.abort()
})
const terminal = processTerminal(interruption.signal)

function readOptions(): DemoOptions | undefined {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: '.forebay' },
      limit: { type: 'string' },
      patience: { type: 'string', default: '30' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) return undefined
  const limit = values.limit === undefined ? undefined : Number(values.limit)
  const patience = Number(values.patience)
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new UsageError('--limit needs a whole number above 0')
  }
  if (!(patience > 0)) throw new UsageError('--patience needs a number of seconds')
  return { data: resolve(values.data), limit, patienceMs: patience * 1000 }
}

async function demo({ data, limit, patienceMs }: DemoOptions): Promise<boolean> {
  const stack = readStackFile(data)
  if (stack === undefined) {
    throw new CommandFailure(`no stack runs in ${data}: start one with npm start, in another terminal`)
  }
  const plan = planDemo(`demo-${randomBytes(4).toString('hex')}`, limit)
  const document = await placements(stack)
  const places = await watchPlaces(document, plan, fileSinkFolder(data, stack.sinks))
  if (places.length === 0) throw new CommandFailure('no running route carries sample.events or sample.orders')
  terminal.write(
    `${plural(plan.webhooks, 'webhook payload')} and ${plural(plan.flights, 'flight record')} to ${stack.proxy}, run ${plan.run}\n`,
  )
  try {
    return await replay(stack, plan, places, patienceMs)
  } finally {
    await Promise.all(places.map((place) => place.stop()))
  }
}

async function placements({ control }: StackFile): Promise<PlacementDocument> {
  const client = new ControlClient(control, undefined, interruption.signal)
  try {
    return await client.get<PlacementDocument>('/v1/placements')
  } finally {
    await client.close()
  }
}

async function replay(
  stack: StackFile,
  plan: DemoPlan,
  places: readonly Place[],
  patienceMs: number,
): Promise<boolean> {
  const sent = { 'sample.events': new MultisetDigest(), 'sample.orders': new MultisetDigest() }
  const startMs = performance.now()
  const failed = await sendAll(stack, plan, sent, startMs)
  const sentMs = performance.now()
  await untilArrived(places, patienceMs)
  terminal.write(`\n${demoTable(places, sent, { startMs, sentMs })}\n`)
  const wrong = [...failed, ...differences(places, sent)]
  for (const line of wrong) terminal.write(`DIFFERENT: ${line}\n`)
  if (wrong.length === 0) {
    terminal.write('Every event is in every sink, byte for byte, exactly once.\n')
  }
  return wrong.length === 0
}

/** Sends everything, adding to `sent` what goes out; returns a line for each topic where not all was accepted. */
async function sendAll(
  stack: StackFile,
  plan: DemoPlan,
  sent: Record<DemoTopic, MultisetDigest>,
  startMs: number,
): Promise<string[]> {
  const senders = {
    'sample.events': senderFor(stack, 'sample.events'),
    'sample.orders': senderFor(stack, 'sample.orders'),
  }
  const all = Object.entries(senders)
  const accepted = () => all.reduce((sum, [, { counts }]) => sum + counts.accepted, 0)
  const progress = new ProgressLine(terminal)
  const queue = parcels(counted(plan, sent))
  const worker = async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      const parcel: Parcel = next.value
      await senders[parcel.topic].send(parcel)
      if (senders[parcel.topic].fatal !== undefined || interruption.signal.aborted) return
      progress.show(() => progressText(accepted(), plan.total, startMs, senders[parcel.topic].trouble))
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, worker))
  } finally {
    progress.clear()
    await Promise.all(all.map(([, sender]) => sender.close()))
  }
  return all.flatMap(([topic, { counts, fatal }]) => {
    const wanted = plan.wanted[topic as DemoTopic]
    if (counts.accepted === wanted) return []
    return [
      `${topic}: ${grouped(wanted - counts.accepted)} not accepted${fatal === undefined ? '' : ` (${fatal.message})`}`,
    ]
  })
}

function* counted(plan: DemoPlan, sent: Record<DemoTopic, MultisetDigest>) {
  for (const event of plan.events()) {
    sent[event.topic].add(event.bytes)
    yield event
  }
}

function senderFor({ proxy }: StackFile, topic: DemoTopic): Sender {
  return new Sender({
    url: `${proxy}/v1/topics/${topic}/events`,
    proxy,
    token: undefined,
    giveUpMs: 60_000,
    connections,
    stop: interruption.signal,
    abort: interruption.signal,
  })
}

/** Returns when every place has everything, and a second more has brought no duplicate; or when nothing came for `patienceMs`. */
async function untilArrived(places: readonly Place[], patienceMs: number): Promise<void> {
  const progress = new ProgressLine(terminal)
  const count = () => places.reduce((sum, { arrivals }) => sum + arrivals.digest.count, 0)
  let before = -1
  let changedMs = performance.now()
  while (!interruption.signal.aborted) {
    await Promise.all(places.map((place) => place.poll()))
    const now = count()
    if (now !== before) changedMs = performance.now()
    before = now
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

function progressText(accepted: number, total: number, startMs: number, trouble: string | undefined): string {
  const perSecond = accepted / ((performance.now() - startMs) / 1000)
  const left = perSecond === 0 ? '?' : ((total - accepted) / perSecond).toFixed(0)
  const again = trouble === undefined ? '' : ` · trying again: ${trouble}`
  return `accepted ${grouped(accepted)} of ${grouped(total)} (${grouped(perSecond)}/s, ${left} s left)${again}`
}

try {
  const options = readOptions()
  if (options === undefined) terminal.write(usage)
  process.exit(options === undefined || (await demo(options)) ? 0 : 1)
} catch (error) {
  const wrongUsage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
  terminal.note(`demo: ${error instanceof Error ? error.message : String(error)}\n`)
  if (!wrongUsage && !(error instanceof CommandFailure)) console.error(error)
  process.exit(wrongUsage === true ? 2 : 1)
}
