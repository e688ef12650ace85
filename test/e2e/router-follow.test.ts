import assert from 'node:assert/strict'
import { before, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileCleanup } from '../support/file-cleanup.ts'
import { privateCluster } from '../support/private-cluster.ts'
import {
  fileRoute,
  jobsOf,
  metric,
  PlacementServer,
  routedDocument,
  type StartedRouter,
  startRouter,
} from '../support/router-bed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { MovingTopic, type TwoClusters, twoClusters } from '../support/two-clusters.ts'
import { waitFor } from '../support/wait-for.ts'

/** Log lines of a severity that people look at. */
function warnings(router: StartedRouter): number {
  return router.process.stdout
    .split('\n')
    .filter((line) => /"level":(40|50|60|"(warn|error|fatal)")/.test(line)).length
}

async function jobState(router: StartedRouter, job: string): Promise<string> {
  const { state, for: what } = (await jobsOf(router.url))[job] ?? { state: 'none' }
  return what === undefined ? state : `${state} for ${what}`
}

describe('a router whose topic moves between two clusters', () => {
  let clusters: TwoClusters
  before(async () => {
    clusters = await twoClusters(fileCleanup())
  })

  it('reads both, goes on with the other one while one is dead, and gets what that held when it is back', async (t) => {
    const moving = new MovingTopic(t, clusters, 'follow.moves', 2)
    const [job] = moving.routes.map(({ id }) => `${id}@a`)
    assert.ok(job !== undefined)
    await moving.make('a')
    await moving.make('consumer')
    const [toA, toB] = [await moving.producer('a'), await moving.producer('b')]
    await moving.place({ cluster: 'a', holders: ['a'] })
    const first = await moving.startRouter()
    await toA(0, 0, 50)
    await moving.untilArrived(50, () => first.process.output)

    // The placement may name a holder before the topic is there.
    await moving.place({ cluster: 'b', holders: ['b', 'a'] })
    await waitFor(
      async () => (await jobState(first, `${moving.routes[0]?.id}@b`)) === 'waiting for the topic',
      {
        describe: 'the new job to wait for its topic',
        state: () => first.process.output,
      },
    )
    await moving.make('b')
    const thereMs = performance.now()
    await toB(1, 50, 100)
    await moving.untilArrived(100, () => first.process.output)
    t.diagnostic(`read ${Math.round(performance.now() - thereMs)} ms after the topic was there`)
    assert.equal(await jobState(first, job), 'draining')
    // A proxy that was late.
    await toA(1, 100, 120)
    await moving.untilArrived(120, () => first.process.output)
    assert.deepEqual(await first.process.stop(), { code: 0, signal: null }, first.process.output)

    // What it holds is read when it is back, and meanwhile nobody waits for it.
    await toA(0, 120, 150)
    await clusters.a.killBroker(1)
    const second = await moving.startRouter()
    await toB(0, 150, 200)
    await waitFor(() => moving.inFiles().length === 170, {
      describe: 'the records of the living cluster',
      state: () => second.process.output,
    })
    await waitFor(async () => (await jobState(second, job)) === 'waiting for the cluster', {
      describe: 'the job of the dead cluster to wait',
    })
    await clusters.a.startBroker(1)
    const backMs = performance.now()
    await moving.untilArrived(200, () => second.process.output)
    t.diagnostic(`what it held was read ${Math.round(performance.now() - backMs)} ms after it was ready`)

    // Killed under a running router, which goes on from its last commit.
    await moving.untilCommitted('a', 100)
    await clusters.a.killBroker(1)
    await waitFor(async () => (await jobState(second, job)) === 'waiting for the cluster', {
      describe: 'the job of the killed cluster to wait',
      state: () => second.process.output,
    })
    await toB(1, 200, 230)
    await waitFor(() => moving.inFiles().length === 230, { describe: 'the records of the living cluster' })
    await clusters.a.startBroker(1)
    const again = await moving.producer('a')
    const writtenMs = performance.now()
    await again(0, 230, 240)
    await moving.untilArrived(240, () => second.process.output)
    t.diagnostic(`new ones were read ${Math.round(performance.now() - writtenMs)} ms after they were written`)
    await moving.place({ cluster: 'b', holders: ['b'] })
    await waitFor(async () => !Object.keys(await jobsOf(second.url)).includes(job), {
      describe: 'the end of the job',
    })
    assert.deepEqual(await second.process.stop(), { code: 0, signal: null }, second.process.output)
    const told = second.process.stdout.split('no broker of the cluster answers').length - 1
    assert.equal(told, 2, `each outage is told once\n${second.process.output}`)
    assert.ok(warnings(second) <= 20, `${warnings(second)} warnings\n${second.process.output}`)
  })

  it('keeps the order of a key over a planned move, however the partitions are shared', async (t) => {
    const moving = new MovingTopic(t, clusters, 'follow.planned', 2)
    for (const holder of ['a', 'b', 'consumer'] as const) await moving.make(holder)
    const [toA, toB] = [await moving.producer('a'), await moving.producer('b')]
    const routes = moving.routes.slice(0, 1)
    await moving.place({ cluster: 'a', holders: ['a'] }, routes)
    const routers = [await moving.startRouter([], 'one'), await moving.startRouter([], 'two')]
    const output = () => routers.map((router) => router.process.output).join('\n')
    const arrived = async (count: number) => {
      await waitFor(
        async () => [...(await moving.inKafka()).values()].every((numbers) => numbers.length >= count),
        { describe: `${count} records in each partition`, intervalMs: 200, timeoutMs: 60_000, state: output },
      )
    }
    for (const partition of [0, 1]) await toA(partition, 0, 500)
    await arrived(500)
    // It hangs with unread records when the move begins, and wakes up before it is given up.
    for (const partition of [0, 1]) await toA(partition, 500, 1000)
    clusters.a.pauseBroker(1)
    await moving.place({ cluster: 'b', holders: ['b', 'a'], drainFirst: true }, routes)
    for (const partition of [0, 1]) await toB(partition, 1000, 1100)
    await sleep(3000)
    clusters.a.resumeBroker(1)
    await arrived(1100)
    // Proxies that hear of it at different times: what each wrote to the old cluster comes out before what it wrote to the new one.
    for (let n = 1100; n < 1200; n += 2) {
      for (const partition of [0, 1]) await toA(partition, n, n + 1)
      for (const partition of [0, 1]) await toB(partition, n + 1, n + 2)
    }
    await arrived(1200)
    for (const [partition, numbers] of await moving.inKafka()) {
      const moved = numbers.slice(0, 1100)
      assert.deepEqual(
        moved,
        moved.toSorted((a, b) => a - b),
        `partition ${partition}\n${output()}`,
      )
      const places = new Map(numbers.map((n, place) => [n, place]))
      const turned = numbers.filter(
        (n) => n >= 1100 && n % 2 === 0 && (places.get(n) ?? 0) > (places.get(n + 1) ?? 0),
      )
      assert.deepEqual(turned, [], `partition ${partition}\n${output()}`)
    }
    for (const router of routers) await router.process.stop()
  })

  it('loses and repeats nothing when the standby’s topic is deleted and made anew', async (t) => {
    const moving = new MovingTopic(t, clusters, 'follow.again', 1)
    await moving.make('a')
    await moving.make('consumer')
    await moving.place({ cluster: 'a', holders: ['a'] })
    const router = await moving.startRouter(['--commit-interval', '100ms'])
    let sent = 0
    const arrived = () => moving.untilArrived(sent, () => router.process.output)
    const send = async (produce: (partition: number, from: number, to: number) => Promise<void>) => {
      await produce(0, sent, sent + 30)
      sent += 30
    }
    const toA = await moving.producer('a')
    for (let round = 0; round < 3; round += 1) {
      await moving.place({ cluster: 'b', holders: ['b', 'a'] })
      const remove = await moving.make('b')
      await send(await moving.producer('b'))
      await moving.place({ cluster: 'a', holders: ['a', 'b'] })
      await send(toA)
      await arrived()
      await moving.place({ cluster: 'a', holders: ['a'] })
      await remove()
      await send(toA)
      await arrived()
    }
    assert.ok(warnings(router) <= 12, `${warnings(router)} warnings\n${router.process.output}`)
    assert.equal(await metric(router.url, 'forebay_route_repositions_total'), 0)

    // The same without a word of the placement, as with disks that were wiped: noticed by the topic's id.
    await moving.place({ cluster: 'b', holders: ['b', 'a'] })
    const remove = await moving.make('b')
    await send(await moving.producer('b'))
    await arrived()
    const quiet = warnings(router)
    await remove()
    await waitFor(
      async () => (await jobState(router, `${moving.routes[1]?.id}@b`)) === 'waiting for the topic',
      {
        describe: 'the job to wait for its topic',
        state: () => router.process.output,
      },
    )
    await sleep(3000)
    const removeAgain = await waitFor(() => moving.make('b'), { describe: 'the topic can be made again' })
    // Further than the offsets of the old one reach.
    const toB = await moving.producer('b')
    await send(toB)
    await send(toB)
    await arrived()
    assert.equal(await metric(router.url, 'forebay_route_repositions_total'), 2, 'one for each route')
    assert.equal(
      await metric(router.url, 'forebay_route_repositioned_records_total'),
      0,
      'nothing was unread',
    )
    const since = warnings(router) - quiet
    assert.ok(since <= 12, `${since} warnings\n${router.process.output}`)
    await router.process.stop()
    // Nothing of the old topic was committed for the new one.
    const next = await moving.startRouter()
    await send(await moving.producer('b'))
    await moving.untilArrived(sent, () => next.process.output)
    await next.process.stop()
    await removeAgain()
  })
})

describe('a router whose source cluster is dead', () => {
  const routes = 20

  async function deadRouter(t: TestContext) {
    const cluster = await privateCluster(t)
    const topics = Array.from({ length: routes }, () => uniqueTopic('follow.dead'))
    for (const topic of topics) await makeTopic(cluster.bootstrap, topic, { partitions: 2 })
    const folder = temporaryFolder(t)
    const documents = topics.map((topic) =>
      routedDocument({
        fronting: cluster.bootstrap,
        consumer: cluster.bootstrap,
        topic,
        partitions: 2,
        routes: [fileRoute(topic, 'out')],
      }),
    )
    const [document] = documents
    assert.ok(document !== undefined)
    const placement = await PlacementServer.start(t, {
      ...document,
      placements: documents.flatMap(({ placements }) => placements),
      routes: documents.flatMap((one) => one.routes),
    })
    const router = await startRouter(t, placement.url, folder, ['--session-timeout', '45s'])
    const states = async () => Object.values(await jobsOf(router.url)).map(({ state }) => state)
    const all = (state: string) =>
      waitFor(async () => (await states()).every((one) => one === state), {
        describe: `every job ${state}`,
        timeoutMs: 60_000,
        state: () => router.process.output,
      })
    await all('reading')
    return { cluster, router, all }
  }

  /** Of one core; on a machine that is busy everything costs more, also doing nothing. */
  async function share(t: TestContext, router: StartedRouter, what: string): Promise<number> {
    const spanMs = 10_000
    const [cpu, lines] = [await metric(router.url, 'process_cpu_seconds_total'), warnings(router)]
    await sleep(spanMs)
    const used = ((await metric(router.url, 'process_cpu_seconds_total')) - cpu) / (spanMs / 1000)
    t.diagnostic(`${what}: ${(100 * used).toFixed(2)} % of a core`)
    assert.ok(warnings(router) - lines <= 1, router.process.output)
    return used
  }

  it('costs nothing while it is killed or hangs, and reads again within seconds when it is back', async (t) => {
    const { cluster, router, all } = await deadRouter(t)
    const living = await share(t, router, 'while it lives')
    const assertCheap = async (what: string) => {
      const used = await share(t, router, what)
      assert.ok(used < Math.max(0.02, 1.5 * living), `${used} of a core ${what}\n${router.process.output}`)
    }
    await cluster.killBroker(1)
    await all('waiting')
    await assertCheap('while it is killed')
    await cluster.startBroker(1)
    let backMs = performance.now()
    await all('reading')
    t.diagnostic(`all read again ${Math.round(performance.now() - backMs)} ms after it was ready`)
    cluster.pauseBroker(1)
    await all('waiting')
    await assertCheap('while it hangs')
    cluster.resumeBroker(1)
    backMs = performance.now()
    await all('reading')
    t.diagnostic(`all read again ${Math.round(performance.now() - backMs)} ms after it woke up`)
    const heldBackMs = performance.now()
    cluster.pauseBroker(1)
    await all('waiting')
    assert.deepEqual(await router.process.stop(), { code: 0, signal: null }, router.process.output)
    t.diagnostic(`noticed and stopped in ${Math.round(performance.now() - heldBackMs)} ms`)
    cluster.resumeBroker(1)
  })
})
