import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileCleanup } from '../support/file-cleanup.ts'
import { frontingName, OutageBed } from '../support/outage-bed.ts'
import { assertAllHome, failBack } from '../support/outage-cluster-dies.ts'
import { type ShownOperation, stepTimes } from '../support/outage-control.ts'
import { fullLength } from '../support/outage-length.ts'
import { OutageRow } from '../support/outage-row.ts'
import { p99Ms } from '../support/outage-timeline.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const file = fileCleanup()
let starting: Promise<OutageBed> | undefined

function bed(): Promise<OutageBed> {
  starting ??= OutageBed.start(file, {
    topics: {
      [uniqueTopic('fault-f14fast')]: { delivery: 'fast' },
      [uniqueTopic('fault-f14durable')]: { delivery: 'durable' },
    },
    // Nothing is to move by itself here.
    controlArgs: ['--hold-down', '1s', '--move-interval', '1s', '--failback-after', '1h'],
  })
  return starting
}

async function moveByHand(
  { context, bed: { control } }: OutageRow,
  timeoutMs = 60_000,
): Promise<ShownOperation> {
  const { status, body } = await control.begin('failovers', frontingName)
  assert.ok(status < 300, `${status} ${JSON.stringify(body)}`)
  const ended = await control.ended('failovers', body.id, timeoutMs)
  assert.equal(ended.state, 'done', JSON.stringify(ended))
  context.diagnostic(`failover: ${stepTimes(ended)}`)
  return ended
}

test('F14: a planned move and its failback under load: 0 lost, 0 refused, 0 duplicates, the standby is drained and empty', {
  timeout: 240_000,
}, async (context) => {
  const row = await OutageRow.begin(context, await bed())
  await row.during(1000)
  const fromMs = performance.now()
  await moveByHand(row)
  row.note('planned move, s', (performance.now() - fromMs) / 1000)
  await row.flowAgain()
  await row.during(fullLength ? 10_000 : 2000)
  await failBack(row)
  await row.during(1000)
  await row.settle()
  for (const kind of ['fast', 'durable']) row.note(`${kind}, p99 ms`, p99Ms(row.requests(kind, fromMs)))
  await assertUntouched(row)
  await assertAllHome(row)
})

test('F13: failover twice within 10 s and failback during failover: epochs decide, nothing is acknowledged to nowhere', {
  timeout: 240_000,
}, async (context) => {
  const row = await OutageRow.begin(context, await bed())
  const { control } = row.bed
  const said: number[] = []
  const begin = async (kind: 'failovers' | 'failbacks'): Promise<string | undefined> => {
    const { status, body } = await control.begin(kind, frontingName)
    context.diagnostic(`${kind}: ${status} ${String(body.state ?? body.detail)}`)
    said.push(status)
    return status < 300 ? body.id : undefined
  }
  const first = await begin('failovers')
  assert.ok(first !== undefined)
  await begin('failovers')
  await begin('failbacks')
  await control.ended('failovers', first)
  const back = await begin('failbacks')
  await begin('failovers')
  if (back !== undefined) await control.ended('failbacks', back)
  // Whatever was let in: it ends, and one more of each leaves everything at home.
  await waitFor(async () => (await openOnes(row)).length === 0, {
    describe: 'all operations to end',
    timeoutMs: 60_000,
    state: () => row.bed.logs,
  })
  const { placements } = await control.placement()
  if (placements.some(({ cluster }) => cluster !== frontingName)) await failBack(row)
  await row.flowAgain()
  await row.settle()
  assert.deepEqual(
    [...new Set(said)].filter((status) => status >= 300 && status !== 409),
    [],
    'refusals are 409',
  )
  await assertUntouched(row)
  await assertAllHome(row)
})

test('F15: a proxy sleeps through a failover and another through the failback: its late records are still read', {
  timeout: 240_000,
}, async (context) => {
  const row = await OutageRow.begin(context, await bed(), { eventsPerSecond: fullLength ? 4000 : 1000 })
  const [, , sleeper] = row.bed.proxies
  assert.ok(sleeper !== undefined)
  await row.during(1000)
  sleeper.process.kill('SIGSTOP')
  const movedMs = performance.now()
  // It waits for the sleeper's lease to end.
  await moveByHand(row)
  row.note('move past a proxy that sleeps, s', (performance.now() - movedMs) / 1000)
  sleeper.process.kill('SIGCONT')
  await row.flowAgain()
  await row.during(1000)
  sleeper.process.kill('SIGSTOP')
  await failBack(row)
  await row.during(500)
  sleeper.process.kill('SIGCONT')
  await row.flowAgain()
  await row.settle()
  for (const topic of row.topics) {
    const { lost, stuckIn } = await row.verdict(topic)
    assert.equal(lost, 0, `${topic}: lost, in the logs ${JSON.stringify(stuckIn)}\n${row.bed.logs}`)
  }
  await assertAllHome(row)
})

async function openOnes({ bed: { control } }: OutageRow): Promise<readonly ShownOperation[]> {
  const all = [...(await control.list('failovers')), ...(await control.list('failbacks'))]
  return all.filter(({ state }) => state === 'running' || state === 'undoing')
}

/** Every request was accepted, and every event is with the readers once. */
async function assertUntouched(row: OutageRow): Promise<void> {
  const words = row.loads.flatMap(({ requests }) =>
    requests.filter(({ fate }) => fate !== 'accepted').map(({ status, reason }) => `${status} ${reason}`),
  )
  assert.deepEqual([...new Set(words)], [], `${words.length} requests were turned down\n${row.bed.logs}`)
  for (const topic of row.topics) {
    const { lost, duplicates, stuckIn } = await row.verdict(topic)
    assert.deepEqual(
      [lost, duplicates],
      [0, 0],
      `${topic}: in the logs ${JSON.stringify(stuckIn)}\n${row.bed.logs}`,
    )
  }
}
