import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OperationView, PlanView } from '../../src/core/operations.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { frontingName, OutageBed, standbyName } from '../support/outage-bed.ts'
import {
  assertAllHome,
  assertNoRefusal,
  assertNothingLost,
  clusterDies,
} from '../support/outage-cluster-dies.ts'
import { OutageRow } from '../support/outage-row.ts'
import { runForebay } from '../support/process.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const file = fileCleanup()
const [fast, durable] = [uniqueTopic('auto-fast'), uniqueTopic('auto-durable')]
let starting: Promise<OutageBed> | undefined

/** One broker of each kind; a cluster that is well again has its topics back after 15 to 25 s. */
function bed(): Promise<OutageBed> {
  starting ??= OutageBed.start(file, {
    topics: { [fast]: { delivery: 'fast' }, [durable]: { delivery: 'durable' } },
    fronting: { brokers: 1 },
    proxies: 2,
    controlArgs: ['--hold-down', '5s', '--move-interval', '1s', '--failback-after', '10s'],
  })
  return starting
}

interface Health {
  readonly state: string
  readonly decision: { readonly action: string; readonly why: string }
}

async function health({ control }: OutageBed): Promise<Health> {
  return (await control.must<{ health: Health }>('GET', `/v1/clusters/${frontingName}`)).health
}

/** Until the control plane has seen enough to judge. */
async function untilWatched(one: OutageBed): Promise<void> {
  await waitFor(async () => (await health(one)).decision.why === `${frontingName} is well`, {
    describe: 'the cluster to be seen as well',
    state: () => one.logs,
  })
}

test('a cluster that dies is left, and taken again when it is well, and nobody does anything', {
  timeout: 280_000,
}, async (t) => {
  const one = await bed()
  const row = await OutageRow.begin(t, one, { eventsPerSecond: 1000 })
  await untilWatched(one)
  const { faultMs, failover } = await clusterDies(row, (cluster) => cluster.kill())
  assert.match(String(failover.reason), /and nothing of all 2 proxies with traffic got through for \d s$/)
  await waitFor(async () => (await health(one)).state === 'away', { describe: 'the cluster is left' })

  await one.fronting?.heal()
  const healedMs = performance.now()
  const failback = await waitFor(async () => (await one.control.list('failbacks')).at(0), {
    describe: 'a failback to begin by itself',
    timeoutMs: 90_000,
    state: async () => [await health(one), one.logs],
  })
  row.note('failback begun after the brokers were back, s', (performance.now() - healedMs) / 1000)
  const ended = await one.control.ended('failbacks', failback.id, 90_000)
  assert.equal(ended.state, 'done', JSON.stringify(ended))
  row.note('failback ended after the brokers were back, s', (performance.now() - healedMs) / 1000)
  await row.during(1000)
  await row.settle()
  assertNoRefusal(row, faultMs)
  await assertNothingLost(row, faultMs)
  await assertAllHome(row)
  assert.equal((await health(one)).state, 'home')

  const shown = await runForebay(t, ['failover', 'show', failover.id, '--control', one.control.urls[0] ?? ''])
  t.diagnostic(shown.stdout)
  assert.equal(shown.code, 0, shown.stderr)
  const back = await runForebay(t, ['failback', 'show', failback.id, '--control', one.control.urls[0] ?? ''])
  t.diagnostic(back.stdout)
  const metrics = await (await fetch(`${one.control.urls[0]}/metrics`)).text()
  assert.match(metrics, /^forebay_failover_duration_seconds_count 1$/m)
  assert.match(
    metrics,
    new RegExp(`^forebay_cluster_state\\{cluster="${frontingName}",state="home"\\} 1$`, 'm'),
  )
})

test('a person drills, moves one topic for maintenance without loss, and brings it back', {
  timeout: 200_000,
}, async (t) => {
  const one = await bed()
  const row = await OutageRow.begin(t, one, { eventsPerSecond: 1000 })
  await untilWatched(one)
  const { control } = one
  const plan = await control.must<PlanView>(
    'GET',
    `/v1/failovers/plan?cluster=${frontingName}&topics=${fast}`,
  )
  assert.deepEqual([plan.planned, plan.problems], [true, []])
  assert.deepEqual(
    plan.batches.flat().map(({ topic }) => topic),
    [fast],
  )
  const drilled = await control.begin('failovers', frontingName, { dryRun: true })
  assert.equal(drilled.status, 202, JSON.stringify(drilled.body))
  const drill = (await control.ended('failovers', drilled.body.id)) as unknown as OperationView
  assert.equal(drill.passed, true, JSON.stringify(drill.steps.filter(({ state }) => state !== 'done')))

  const movedMs = performance.now()
  const moved = await runForebay(t, [
    ...['failover', 'start', frontingName, '--topics', fast, '--reason', 'maintenance'],
    ...['--control', control.urls[0] ?? ''],
  ])
  t.diagnostic(`${moved.stderr}${moved.stdout}`)
  assert.equal(moved.code, 0, moved.stderr)
  row.note('planned move of one topic, s', (performance.now() - movedMs) / 1000)
  const { placements } = await control.placement()
  const placed = new Map(placements.map(({ topic, cluster }) => [topic, cluster]))
  assert.deepEqual([placed.get(fast), placed.get(durable)], [standbyName, frontingName])
  // What it shows is of its last look, which is once a second.
  await waitFor(async () => (await health(one)).state === 'home', {
    describe: 'the cluster to be home, because the other topic is still guarded',
    timeoutMs: 10_000,
    state: () => health(one),
  })
  await row.during(1000)
  const back = await runForebay(t, [
    ...['failback', 'start', frontingName, '--reason', 'maintenance is over', '--json'],
    ...['--control', control.urls[0] ?? ''],
  ])
  assert.equal(back.code, 0, back.stderr)
  assert.equal((JSON.parse(back.stdout) as OperationView).state, 'done')
  await row.during(500)
  await row.settle()
  assertNoRefusal(row, movedMs)
  for (const topic of [fast, durable]) {
    const { lost, duplicates } = await row.verdict(topic)
    assert.deepEqual({ topic, lost, duplicates }, { topic, lost: 0, duplicates: 0 })
  }
  await assertAllHome(row)
})
