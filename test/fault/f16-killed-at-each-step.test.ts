import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileCleanup } from '../support/file-cleanup.ts'
import { frontingName, OutageBed } from '../support/outage-bed.ts'
import { assertAllHome } from '../support/outage-cluster-dies.ts'
import { fullLength } from '../support/outage-length.ts'
import { OutageRow } from '../support/outage-row.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const failoverSteps = [
  ...['scale-up', 'canary-before', 'create/0', 'lead/0', 'publish/0', 'acknowledge/0', 'canary-after'],
]
const failbackSteps = [
  ...['gate', 'prepare/0', 'home-offsets/0', 'publish/0', 'home-drain/0', 'acknowledge', 'seal/0', 'probe/0'],
  ...['end-offsets/0', 'drain/0', 'release/0', 'delete/0', 'scale-down'],
]
/** In the short form each run tries others. */
const rounds = fullLength ? failbackSteps.length : 2

test('F16: the control plane is killed in the middle of failovers and failbacks, at each of their steps: each ends right', {
  timeout: fullLength ? 1_200_000 : 400_000,
}, async (context) => {
  const bed = await OutageBed.start(fileCleanup(), {
    topics: {
      [uniqueTopic('fault-f16sfast')]: { delivery: 'fast' },
      [uniqueTopic('fault-f16sdurable')]: { delivery: 'durable' },
    },
    // Planned moves: nothing dies here but the control plane.
    fronting: { brokers: 1 },
    proxies: 2,
    controlArgs: ['--hold-down', '1s', '--move-interval', '1s', '--failback-after', '1h'],
  })
  const row = await OutageRow.begin(context, bed, { eventsPerSecond: fullLength ? 2000 : 500 })
  const [overs, backs] = [shuffled(failoverSteps), shuffled(failbackSteps)]
  let tried = 0
  for (let round = 0; round < rounds; round += 1) {
    tried += await killedAt(row, 'failovers', overs[round % overs.length] ?? '')
    tried += await killedAt(row, 'failbacks', backs[round % backs.length] ?? '')
  }
  row.note('kills in the middle of a step', tried)
  await row.flowAgain()
  await row.settle()
  for (const topic of row.topics) {
    const { lost, duplicates, stuckIn } = await row.verdict(topic)
    assert.equal(lost, 0, `${topic}: in the logs ${JSON.stringify(stuckIn)}\n${bed.logs}`)
    const resent = await row.grown('forebay_events_resent_total', `topic="${topic}"`)
    assert.ok(duplicates <= resent, `${topic}: ${duplicates} duplicates, ${resent} resent`)
  }
  await assertAllHome(row)
  const keys = (hook: 'scale-up' | 'scale-down') => bed.hooks.keys(hook, row.startedMs).size
  assert.deepEqual([keys('scale-up'), keys('scale-down')], [rounds, rounds], JSON.stringify(bed.hooks.calls))
})

/** One move by hand whose control plane is killed when this step has begun. 1 when it was in time. */
async function killedAt(row: OutageRow, kind: 'failovers' | 'failbacks', step: string): Promise<number> {
  const { bed } = row
  const { control, events } = bed
  const [process] = bed.controls
  assert.ok(process !== undefined)
  const { status, body } = await control.begin(kind, frontingName)
  assert.ok(status < 300, `${kind}: ${status} ${JSON.stringify(body)}`)
  const stepEvent = (to: string) =>
    events.events.find(
      ({ kind: is, data }) =>
        is.endsWith('.step') && data.operation === body.id && data.step === step && data.to === to,
    )
  await waitFor(() => stepEvent('running'), {
    describe: `step ${step} of ${kind}`,
    intervalMs: 2,
    timeoutMs: 60_000,
    state: () => bed.logs,
  })
  const inTime = stepEvent('done') === undefined
  process.process.kill('SIGKILL')
  await process.process.exited
  await bed.startAgain(process)
  const ended = await control.ended(kind, body.id, 90_000)
  row.context.diagnostic(`${kind} killed at ${step}${inTime ? '' : ' (just after it)'}: ${ended.state}`)
  assert.equal(ended.state, 'done', JSON.stringify(ended))
  return inTime ? 1 : 0
}

function shuffled(values: readonly string[]): string[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}
