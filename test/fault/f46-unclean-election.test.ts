import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { electLeaders } from '../support/fault-leader-moves.ts'
import { type ReadRecord, readAll } from '../support/independent-reader.ts'
import { sharedCluster } from '../support/kafka.ts'
import { privateCluster } from '../support/private-cluster.ts'
import {
  committedRecords,
  fileRoute,
  kafkaRoute,
  metric,
  PlacementServer,
  routedDocument,
  startRouter,
  testProducer,
} from '../support/router-bed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { ndjsonLines } from '../support/two-clusters.ts'
import { waitFor } from '../support/wait-for.ts'

/** Leader and follower of the one partition; broker 1 only keeps the quorum. */
const leader = 2
const lagging = 3
const replicated = 100
const lost = 50
/** More than were lost, so that a reader without epochs would take the log for the one that it knows. */
const rewritten = 80

test('F46: a lagging replica is elected uncleanly: readers rewind to where the log diverged, whether they run meanwhile or not, count it, and skip nothing', {
  timeout: 240_000,
}, async (t) => {
  const [cluster, { bootstrap: consumer }] = await Promise.all([
    privateCluster(t, { brokers: 3, config: { 'auto.leader.rebalance.enable': 'false' } }),
    sharedCluster('consumer'),
  ])
  const topic = uniqueTopic('fault-unclean')
  await makeTopic(cluster.bootstrap, topic, { assignment: [[leader, lagging]] })
  t.after(await makeTopic(consumer, topic, { partitions: 1 }))
  const folder = temporaryFolder(t)
  const directory = join(folder, 'out')
  const routes = [fileRoute(topic, directory), kafkaRoute(topic)] as const
  const placement = await PlacementServer.start(
    t,
    routedDocument({ fronting: cluster.bootstrap, consumer, topic, partitions: 1, routes }),
  )
  const start = (route: { readonly id: string }) =>
    startRouter(t, placement.url, join(folder, route.id), [
      '--routes',
      route.id,
      '--commit-interval',
      '200ms',
    ])
  const [running, stopping] = [await start(routes[0]), await start(routes[1])]
  const inFiles = () => ndjsonLines(directory)
  const inKafka = async () => (await readAll(consumer, topic)).map(textOf)
  const both = async (values: readonly string[], output: () => string) => {
    const missing = (lines: readonly string[]) => values.filter((value) => !lines.includes(value)).length
    await waitFor(async () => missing(inFiles()) === 0 && missing(await inKafka()) === 0, {
      describe: `${values.length} values with both sinks`,
      intervalMs: 200,
      timeoutMs: 60_000,
      state: output,
    })
  }
  const running46 = () => running.process.output
  // What a fault of the group's coordinator would let a router read twice is not what this row is about.
  const committed = (count: number) =>
    waitFor(
      async () => (await committedRecords(cluster.bootstrap.slice(0, leader), topic, routes)) === count,
      {
        describe: `${count} records to be committed`,
        timeoutMs: 60_000,
        state: running46,
      },
    )

  await send(t, cluster.bootstrap, topic, named('replicated', replicated))
  await committed(replicated)
  const admin = await adminOf(t, cluster.bootstrap)
  cluster.pauseBroker(lagging)
  await untilInSync(admin, topic, [leader])
  const gone = named('lost', lost)
  await send(t, cluster.bootstrap, topic, gone)
  await both([...named('replicated', replicated), ...gone], running46)
  await committed(replicated + lost)
  // It commits where it stands, and reads again when the log is another one.
  assert.deepEqual(await stopping.process.stop(), { code: 0, signal: null }, stopping.process.output)

  await cluster.killBroker(leader)
  cluster.resumeBroker(lagging)
  const [survivor = ''] = cluster.bootstrap
  await waitFor(
    async () => {
      await electLeaders([survivor], topic, 1, 'unclean')
      return (await partitionOf(await adminOf(t, [survivor]), topic)).leader === lagging
    },
    { describe: 'the lagging replica to lead', timeoutMs: 60_000, intervalMs: 500 },
  )
  const anew = named('rewritten', rewritten)
  await send(t, cluster.bootstrap, topic, anew)
  const woken = await start(routes[1])
  await both([...named('replicated', replicated), ...anew], () => running46() + woken.process.output)

  const survived = await waitFor(() => readAll([cluster.bootstrap[lagging - 1] ?? ''], topic), {
    describe: 'the surviving log',
  })
  assert.deepEqual(
    survived.map(textOf),
    [...named('replicated', replicated), ...anew],
    'the fault was another',
  )
  const assertRewoundOnce = async (expected: readonly string[]) => {
    assertOnce(inFiles(), expected, running46())
    assertOnce(await inKafka(), expected, woken.process.output)
    for (const router of [running, woken]) {
      const output = router.process.output
      assert.equal(await counted(router.url, 'diverged'), lost, output)
      assert.equal(await counted(router.url, 'out-of-range'), 0, output)
      assert.match(output, new RegExp(`"reason":"diverged".*"from":${replicated + lost},"to":${replicated}`))
    }
  }
  const delivered = [...named('replicated', replicated), ...gone, ...anew]
  await assertRewoundOnce(delivered)
  t.diagnostic(`each reader rewound over ${lost} records and read ${rewritten} in their place`)
  // The deposed leader comes back, cuts off what nobody has any more, and nothing is read twice or rewound over again for it.
  await cluster.startBroker(leader)
  await untilInSync(admin, topic, [leader, lagging])
  const last = named('last', 5)
  await send(t, cluster.bootstrap, topic, last)
  await both(last, () => running46() + woken.process.output)
  await assertRewoundOnce([...delivered, ...last])
  for (const router of [running, woken]) await router.process.stop()
})

function named(what: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => JSON.stringify(`${what} ${index}`))
}

function textOf({ value }: ReadRecord): string {
  return String(value)
}

function assertOnce(found: readonly string[], expected: readonly string[], output: string): void {
  const twice = found.filter((value, index) => found.indexOf(value) < index)
  assert.deepEqual(twice, [], output)
  assert.deepEqual(found.toSorted(), expected.toSorted(), output)
}

/** Connects anew each time: leaders move, and a connection to a broker that hangs would hold the test up. */
async function send(
  t: TestContext,
  bootstrap: readonly string[],
  topic: string,
  values: readonly string[],
): Promise<void> {
  const produce = await waitFor(() => testProducer(t, bootstrap), { describe: 'a producer' })
  await waitFor(
    async () => {
      await produce(
        topic,
        0,
        values.map((value) => ({ value })),
      )
      return true
    },
    { describe: `${values[0]} and more to be taken`, intervalMs: 500 },
  )
}

async function adminOf(t: TestContext, bootstrap: readonly string[]): Promise<Admin> {
  const admin = new Kafka({ brokers: [...bootstrap], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  t.after(() => admin.disconnect())
  return admin
}

async function partitionOf(admin: Admin, topic: string) {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const partition = topics[0]?.partitions[0]
  if (partition === undefined) throw new Error(`${topic} is not known`)
  return partition
}

async function untilInSync(admin: Admin, topic: string, replicas: readonly number[]): Promise<void> {
  await waitFor(
    async () => (await partitionOf(admin, topic)).isr.toSorted((a, b) => a - b).join() === replicas.join(),
    { describe: `${replicas.join()} in sync`, timeoutMs: 60_000, intervalMs: 200 },
  )
}

function counted(url: string, reason: string): Promise<number> {
  return metric(url, 'forebay_route_repositioned_records_total', { reason })
}
