import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileCleanup } from '../support/file-cleanup.ts'
import { OutageBed } from '../support/outage-bed.ts'
import { assertAllHome, failBack } from '../support/outage-cluster-dies.ts'
import { fullLength } from '../support/outage-length.ts'
import {
  assertNoMove,
  comeHome,
  type Disturbance,
  failoversSince,
  staysHome,
} from '../support/outage-no-failover.ts'
import { OutageRow } from '../support/outage-row.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const file = fileCleanup()
let starting: Promise<OutageBed> | undefined

/** With the defaults of the decision: they are what is tested here. */
function bed(): Promise<OutageBed> {
  starting ??= OutageBed.start(file, {
    topics: {
      [uniqueTopic('fault-f20fast')]: { delivery: 'fast' },
      [uniqueTopic('fault-f20durable')]: { delivery: 'durable' },
    },
  })
  return starting
}

const disturbances: readonly Disturbance[] = [
  {
    name: 'No failover: one broker is dead',
    mayLoseFast: true,
    disturb: async (row, fronting) => {
      await fronting.kill([2])
      await row.during(fullLength ? 60_000 : 12_000)
      await fronting.heal()
    },
  },
  {
    name: 'No failover: one broker is slow',
    disturb: async (row, fronting) => {
      const untilMs = performance.now() + (fullLength ? 60_000 : 10_000)
      // It stands still for four fifths of the time, never as long as a session: all that it answers comes late.
      while (performance.now() < untilMs) {
        await fronting.pause([2])
        await row.during(400)
        fronting.resume([2])
        await row.during(100)
      }
    },
  },
  {
    name: 'No failover: the brokers are restarted one after the other',
    mayLoseFast: true,
    disturb: async (row, fronting) => {
      for (const id of fullLength ? fronting.ids : fronting.ids.slice(0, 2)) await fronting.restart(id)
      await row.during(1000)
    },
  },
  {
    name: 'F22: the control plane stands still',
    disturb: async (row) => {
      for (const { process } of row.bed.controls) process.kill('SIGSTOP')
      await row.during(fullLength ? 30_000 : 12_000)
      for (const { process } of row.bed.controls) process.kill('SIGCONT')
      await row.during(fullLength ? 30_000 : 6000)
    },
  },
]

test('No failover: a cluster without traffic', { timeout: 120_000 }, async (context) => {
  const own = await bed()
  const fromMs = performance.now()
  await waitFor(() => performance.now() - fromMs > (fullLength ? 60_000 : 8000), {
    describe: 'time to pass',
    timeoutMs: 90_000,
  })
  await assertNoMove(context, own, fromMs)
})

for (const disturbance of disturbances) {
  test(`${disturbance.name}: no failover, and nothing is lost`, { timeout: 300_000 }, async (context) =>
    staysHome(context, await bed(), disturbance),
  )
}

test('F20: a cluster that comes and goes is moved at most once', { timeout: 600_000 }, async (context) => {
  const row = await OutageRow.begin(context, await bed(), { eventsPerSecond: fullLength ? 4000 : 500 })
  const { fronting, logs } = row.bed
  assert.ok(fronting !== undefined)
  await comeHome(row)
  const halfMs = fullLength ? 20_000 : 9000
  for (let turn = 0; turn < (fullLength ? 4 : 2); turn += 1) {
    await fronting.kill()
    await row.during(halfMs)
    await fronting.heal()
    await row.during(fullLength ? halfMs : 4000)
  }
  const moves = (await failoversSince(row.bed, row.startedMs)).length
  row.note('moves', moves)
  assert.ok(moves <= 1, `${moves} moves\n${logs}`)
  if (moves === 1) await failBack(row)
  await row.flowAgain()
  await row.settle()
  const words = row.loads.flatMap(({ requests }) => requests.filter(({ fate }) => fate === 'refused'))
  row.note('requests refused', words.length)
  for (const topic of row.topics) {
    const { lost, stuckIn } = await row.verdict(topic)
    const durable = row.bed.topics[topic]?.delivery === 'durable'
    if (durable) assert.equal(lost, 0, `${topic}: in the logs ${JSON.stringify(stuckIn)}\n${logs}`)
  }
  await assertAllHome(row)
})
