import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProxyReport, ReportedCluster } from '../../src/core/proxy-report.ts'
import { sharedCluster } from '../support/kafka.ts'
import { placedTopic } from '../support/placed-topic.ts'
import { privateCluster } from '../support/private-cluster.ts'
import { StandInControl } from '../support/stand-in-control.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'
import { placementOf, postEvents, type RunningProxy, readMetrics, startProxy } from './proxy-support.ts'

const ofFronting = ({ clusters }: ProxyReport): ReportedCluster | undefined =>
  clusters.find(({ cluster }) => cluster === 'fronting-a')

const totalOf = (reports: readonly ProxyReport[], count: 'acked' | 'failed' | 'dropped') =>
  reports.reduce((total, report) => total + (ofFronting(report)?.[count] ?? 0), 0)

const failedReports = async (proxy: RunningProxy) =>
  (await readMetrics(proxy)).get('forebay_reports_total{result="failed"}') ?? 0

/** 202 for each of them. */
async function post(proxy: RunningProxy, topic: string, events: number): Promise<void> {
  const body = Array.from({ length: events }, (_, index) => `{"n":${index}}\n`).join('')
  const { status } = await postEvents(proxy, topic, body)
  assert.equal(status, 202)
}

test('each event is in one report; sequences grow by one, windows are a second, and a restart is another instance', async (t) => {
  const { bootstrap } = await sharedCluster('fronting')
  const topic = uniqueTopic('report')
  t.after(await makeTopic(bootstrap, topic, { partitions: 3 }))
  const document = placementOf(bootstrap, [placedTopic(topic, { partitions: 3 })])
  const control = await StandInControl.start(t, document)
  const first = await startProxy(t, document, ['--drain-grace', '0s'], { control })
  const { reports } = control
  for (let round = 0; round < 5; round += 1) {
    await post(first, topic, 100)
    const seen = reports.length
    await waitFor(() => reports.length > seen, { describe: 'the next report' })
  }
  await waitFor(() => totalOf(reports, 'acked') === 500, {
    describe: '500 acknowledged events in reports',
    state: () => reports,
  })
  assert.deepEqual(
    reports.map(({ sequence }) => sequence),
    reports.map((_, index) => index + 1),
  )
  assert.equal(new Set(reports.map(({ instance }) => instance)).size, 1)
  const brokers = reports.flatMap((report) => ofFronting(report)?.brokers ?? [])
  assert.equal(
    brokers.reduce((total, { acked }) => total + acked, 0),
    500,
    'events by broker',
  )
  const last = reports.at(-1)
  assert.deepEqual(last?.placement, { storeId: 'test', leaseTerm: 1, version: 1, settledVersion: 1 })
  assert.ok((last?.windowMs ?? 0) >= 500, JSON.stringify(last))
  assert.equal(totalOf(reports, 'failed') + totalOf(reports, 'dropped'), 0)
  assert.equal((await readMetrics(first)).get('forebay_reports_total{result="taken"}'), reports.length)

  const version2 = { ...document, version: 2 }
  control.place(version2)
  await waitFor(() => reports.at(-1)?.placement?.version === 2, { describe: 'version 2 in use' })
  await waitFor(() => reports.at(-1)?.placement?.settledVersion === 2, { describe: 'version 2 settled' })

  await first.process.stop()
  const before = reports.length
  await startProxy(t, version2, [], { control })
  await waitFor(() => reports.length > before, { describe: 'a report of the second' })
  assert.notEqual(reports[before]?.instance, reports[0]?.instance)
  assert.equal(reports[before]?.sequence, 1)
})

test('a broker that hangs shows as events that wait, and how long; when it goes on they are acknowledged', async (t) => {
  const cluster = await privateCluster(t)
  const topic = uniqueTopic('hung')
  const { bootstrap } = cluster
  const deleteTopic = await makeTopic(bootstrap, topic, { partitions: 1 })
  try {
    const document = placementOf(bootstrap, [placedTopic(topic, { partitions: 1 })])
    const control = await StandInControl.start(t, document)
    const proxy = await startProxy(t, document, [], { control })
    const { reports } = control
    await post(proxy, topic, 10)
    await waitFor(() => totalOf(reports, 'acked') === 10, {
      describe: '10 acknowledged',
      state: () => reports,
    })
    cluster.pauseBroker(1)
    await post(proxy, topic, 20)
    const stuck = await waitFor(
      () => {
        const last = reports.at(-1)
        const window = last === undefined ? undefined : ofFronting(last)
        return window !== undefined && window.oldestWaitMs >= 1000 ? window : undefined
      },
      { describe: 'events that have waited for a second', state: () => reports.slice(-3) },
    )
    assert.deepEqual([stuck.acked, stuck.waiting], [0, 20])
    await waitFor(() => totalOf(reports, 'failed') > 0, {
      describe: 'attempts that failed at their deadline',
      state: () => reports.slice(-3),
    })
    cluster.resumeBroker(1)
    await waitFor(
      () => totalOf(reports, 'acked') >= 30 && reports.at(-1)?.clusters.every(({ waiting }) => waiting === 0),
      { describe: 'nothing waits', state: () => reports.slice(-3) },
    )
  } finally {
    // Before the cluster goes: kafkajs would wait for it.
    cluster.resumeBroker(1)
    await deleteTopic()
  }
})

test('a control plane that hangs, fails, talks rubbish or is away changes nothing for events, and reports come again (F16)', async (t) => {
  const { bootstrap } = await sharedCluster('fronting')
  const topic = uniqueTopic('deaf')
  t.after(await makeTopic(bootstrap, topic, { partitions: 3 }))
  const document = placementOf(bootstrap, [placedTopic(topic, { partitions: 3 })])
  const control = await StandInControl.start(t, document)
  const proxy = await startProxy(t, document, [], { control })
  const { reports } = control
  for (const mood of ['hangs', 'fails', 'rubbish'] as const) {
    await waitFor(() => reports.length > 0, { describe: 'a report' })
    const failed = await failedReports(proxy)
    control.mood = mood
    await waitFor(async () => (await failedReports(proxy)) >= failed + 3, {
      describe: `three failed reports while it ${mood}`,
    })
    await post(proxy, topic, 10)
    const heard = reports.length
    control.mood = 'well'
    await waitFor(() => reports.length > heard, { describe: `a report after it ${mood}` })
    const { windowMs = 0, sequence = 0 } = reports[heard] ?? {}
    assert.ok(windowMs < 2000, `${windowMs} ms: windows were queued or merged over the outage`)
    assert.ok(sequence > (reports[heard - 1]?.sequence ?? 0) + 2, 'the lost ones had numbers')
  }
  const said = proxy.process.output.split('\n').filter((line) => line.includes('report-failed'))
  assert.equal(said.length, 3, 'each outage is said once')
  const metrics = await readMetrics(proxy)
  for (const reason of ['older', 'contradictory', 'unknown-store', 'rubbish'])
    assert.ok(metrics.has(`forebay_placement_refused_total{reason="${reason}"}`), reason)
})

test('a proxy with workers sends one report: their sums, and what all of them acknowledge', async (t) => {
  const { bootstrap } = await sharedCluster('fronting')
  const topic = uniqueTopic('workers')
  t.after(await makeTopic(bootstrap, topic, { partitions: 3 }))
  const document = placementOf(bootstrap, [placedTopic(topic, { partitions: 3 })])
  const control = await StandInControl.start(t, document)
  const proxy = await startProxy(t, document, ['--workers', '2', '--drain-grace', '0s'], { control })
  const { reports } = control
  const post = async (requests: number) => {
    for (let index = 0; index < requests; index += 1) {
      const { status } = await fetch(`${proxy.url}/v1/topics/${topic}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson', connection: 'close' },
        body: '{"a":1}\n{"b":2}\n',
      })
      assert.equal(status, 202)
    }
  }
  await waitFor(() => reports.at(-1)?.placement?.version === 1, {
    describe: 'both workers work by version 1',
    timeoutMs: 90_000,
    state: () => proxy.process.output,
  })
  await post(40)
  await waitFor(() => totalOf(reports, 'acked') === 80, {
    describe: '80 acknowledged events',
    state: () => reports,
  })
  assert.equal(new Set(reports.map(({ instance }) => instance)).size, 1)
  assert.deepEqual(
    reports.map(({ sequence }) => sequence),
    reports.map((_, index) => index + 1),
  )

  const pids = await workerPids(proxy)
  const [hung] = pids
  assert.ok(hung !== undefined && pids.length === 2, `workers ${pids.join()}`)
  process.kill(hung, 'SIGSTOP')
  control.place({ ...document, version: 2 })
  const heard = reports.length
  await waitFor(() => reports.length > heard + 3, { describe: 'four more reports' })
  for (const report of reports.slice(heard + 1))
    assert.equal(report.placement?.version, 1, 'the hung worker has not acknowledged version 2')
  process.kill(hung, 'SIGCONT')
  await waitFor(() => reports.at(-1)?.placement?.settledVersion === 2, {
    describe: 'version 2 once the worker goes on',
    state: () => reports.slice(-3),
  })
})

async function workerPids(proxy: RunningProxy): Promise<number[]> {
  return waitFor(
    async () => {
      const answer = await fetch(`${proxy.url}/readyz?verbose`, { headers: { connection: 'close' } })
      const { checks } = (await answer.json()) as {
        checks: { workers: { detail: Record<string, { pid: number; ready?: boolean }> } }
      }
      const ready = Object.values(checks.workers.detail).filter((worker) => worker.ready)
      return ready.length === 2 ? ready.map(({ pid }) => pid) : undefined
    },
    { describe: 'two ready workers' },
  )
}
