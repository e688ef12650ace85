import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Agent, request } from 'undici'
import { verdictOf } from '../support/fault-checker.ts'
import { FaultLoad } from '../support/fault-load.ts'
import { freePort } from '../support/free-port.ts'
import { sharedCluster } from '../support/kafka.ts'
import { placedTopic } from '../support/placed-topic.ts'
import { runForebay } from '../support/process.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'
import { assertConserved, placementOf, type RunningProxy, readMetrics, startProxy } from './proxy-support.ts'

interface WorkerSeen {
  readonly pid: number
  readonly ready?: boolean
}

const twoWorkers = ['--workers', '2', '--log-level', 'info', '--drain-grace', '200ms']

/** Asks until some worker answers: a connection may have gone to one that was just killed or stopped. */
async function ask<Result>(what: string, proxy: RunningProxy, question: () => Promise<Result>) {
  const bounded = () =>
    Promise.race([
      question(),
      // Short, because half of the questions go to a worker that hangs, and several in a row may.
      new Promise<undefined>((resolve) => setTimeout(resolve, 3000, undefined).unref()),
    ])
  return waitFor(bounded, {
    describe: what,
    timeoutMs: 90_000,
    state: () => proxy.process.output.slice(-4000),
  })
}

/** By number, those that answer the parent. */
async function readyWorkers(proxy: RunningProxy): Promise<Map<string, number>> {
  const answer = await fetch(`${proxy.url}/readyz?verbose`, { headers: { connection: 'close' } })
  const { checks } = (await answer.json()) as { checks: { workers: { detail: Record<string, WorkerSeen> } } }
  const ready = Object.entries(checks.workers.detail).filter(([, worker]) => worker.ready)
  return new Map(ready.map(([number, { pid }]) => [number, pid]))
}

function bothWorkers(proxy: RunningProxy): Promise<Map<string, number>> {
  return ask('both workers', proxy, async () => {
    const workers = await readyWorkers(proxy)
    return workers.size === 2 ? workers : undefined
  })
}

const metricsOf = (proxy: RunningProxy) => ask('metrics', proxy, () => readMetrics(proxy))

const sum = (metrics: ReadonlyMap<string, number>, name: string) =>
  [...metrics].reduce((total, [key, value]) => (key.startsWith(name) ? total + value : total), 0)

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Connections to the port that this process holds. */
function connectionsOf(pid: number, port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1)
  const established = rows.map((row) => row.trim().split(/\s+/)).filter((row) => row[3] === '01')
  const inodes = new Set(established.filter((row) => row[1]?.endsWith(`:${hex}`)).map((row) => row[9]))
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
    } catch {
      return undefined
    }
  })
  return open.filter((inode) => inode !== undefined && inodes.has(inode)).length
}

async function portIsFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}

/** Nobody is there: every event stays in the buffer. */
const nowhere = (topic: string) => placementOf(['127.0.0.1:1'], [placedTopic(topic)])

async function post(proxy: RunningProxy, topic: string, requests: number): Promise<void> {
  for (let index = 0; index < requests; index += 1) {
    const answer = await fetch(`${proxy.url}/v1/topics/${topic}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', connection: 'close' },
      body: '{"a":1}\n{"b":2}\n',
    })
    assert.equal(answer.status, 202, await answer.text())
  }
}

async function durableBed(context: TestContext) {
  const { bootstrap } = await sharedCluster('fronting')
  const topic = uniqueTopic('workers')
  context.after(await makeTopic(bootstrap, topic, { partitions: 3, replicas: 2 }))
  const placed = placedTopic(topic, { delivery: 'durable', partitions: 3 })
  return { bootstrap, topic, proxy: await startProxy(context, placementOf(bootstrap, [placed]), twoWorkers) }
}

test('two workers are one proxy: one port, one sum; one may be killed or hang', async (context) => {
  const { bootstrap, topic, proxy } = await durableBed(context)
  const before = await bothWorkers(proxy)
  const metrics = await metricsOf(proxy)
  assert.equal(metrics.get('forebay_buffer_limit_bytes'), 256 * 2 ** 20)
  assert.equal(metrics.get('forebay_placement_version'), 1)
  assert.ok(metrics.has('process_cpu_seconds_total{worker="2"}'), [...metrics.keys()].join('\n'))

  const load = new FaultLoad({
    ...{ url: proxy.url, topic, connections: 32 },
    ...{ requestsPerSecond: 40, eventsPerRequest: 20, eventBytes: 300 },
  })
  context.after(() => load.abort())
  await waitFor(() => load.accepted > 400, { describe: 'load', state: () => proxy.process.output })
  const port = Number(new URL(proxy.url).port)
  const idle = new Agent({ connections: 40, pipelining: 1 })
  context.after(() => idle.destroy())
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      const { body } = await request(`${proxy.url}/readyz`, { dispatcher: idle })
      await body.dump()
    }),
  )
  const spread = [...before.values()].map((pid) => connectionsOf(pid, port))
  context.diagnostic(`connections: ${spread.join(' and ')}`)
  assert.ok(
    spread.every((connections) => connections > 0),
    `${spread}`,
  )

  const victim = before.get('1') ?? 0
  const received = sum(await metricsOf(proxy), 'forebay_events_received_total')
  process.kill(victim, 'SIGKILL')
  const after = await ask('the worker to be back', proxy, async () => {
    const now = sum(await readMetrics(proxy), 'forebay_events_received_total')
    assert.ok(now >= received, `received went from ${received} to ${now}`)
    const workers = await readyWorkers(proxy)
    return workers.size === 2 && workers.get('1') !== victim ? workers : undefined
  })
  assert.equal(after.get('2'), before.get('2'))
  assert.match(proxy.process.stdout, /worker-died: worker 1 ended \(code null, signal SIGKILL\)/)

  const hung = after.get('2') ?? 0
  process.kill(hung, 'SIGSTOP')
  try {
    const workers = await ask('the other worker to answer', proxy, async () => {
      const ready = await readyWorkers(proxy)
      return ready.size === 1 ? ready : undefined
    })
    assert.deepEqual([...workers.keys()], ['1'])
    assert.ok(sum(await metricsOf(proxy), 'forebay_events_received_total') >= received)
  } finally {
    process.kill(hung, 'SIGCONT')
  }

  await load.stop()
  await ask('nothing in flight', proxy, async () => {
    return (await readMetrics(proxy)).get('forebay_events_in_flight') === 0
  })
  const settled = await metricsOf(proxy)
  assertConserved(settled)
  assert.equal(settled.get('forebay_worker_deaths_total'), 1)
  const verdict = await verdictOf(bootstrap, topic, [load])
  const { lossAtMs, ...counts } = verdict
  context.diagnostic(JSON.stringify(counts))
  assert.deepEqual({ lost: verdict.lost, neverSent: verdict.neverSent }, { lost: 0, neverSent: 0 })
  assert.ok(verdict.accepted > 0, `${lossAtMs}`)

  proxy.process.kill('SIGTERM')
  assert.deepEqual(await proxy.process.exited, { code: 0, signal: null }, proxy.process.output)
  assert.match(proxy.process.stdout, /drained: unsent 0, unanswered 0"}\n$/)
  assert.deepEqual([...after.values()].filter(alive), [])
})

test('Ctrl-C reaches every process and is taken once; a second one ends it, and the sum is exact', async (context) => {
  const topic = 'nowhere.clicks'
  const proxy = await startProxy(context, nowhere(topic), [...twoWorkers, '--drain-grace', '60s'])
  const workers = [...(await bothWorkers(proxy)).values()]
  await post(proxy, topic, 20)
  assert.equal((await metricsOf(proxy)).get('forebay_events_in_flight'), 40)
  const interrupt = () => {
    for (const pid of [...workers, proxy.process.pid]) process.kill(pid, 'SIGINT')
  }
  interrupt()
  await waitFor(
    async () => {
      const answer = await fetch(`${proxy.url}/readyz`, { headers: { connection: 'close' } })
      return (await answer.text()).includes('draining')
    },
    { describe: 'draining', state: () => proxy.process.output },
  )
  assert.deepEqual(workers.filter(alive), workers)
  await post(proxy, topic, 1)
  interrupt()
  assert.equal((await proxy.process.exited).code, 1, proxy.process.output)
  assert.match(proxy.process.stdout, /drained: unsent 42, unanswered 0"}\n$/)
  assert.deepEqual(workers.filter(alive), [])
})

test('workers whose parent is gone leave the port and end', async (context) => {
  const proxy = await startProxy(context, nowhere('nowhere.clicks'), twoWorkers)
  const workers = [...(await bothWorkers(proxy)).values()]
  const port = Number(new URL(proxy.url).port)
  assert.equal(await portIsFree(port), false)
  process.kill(proxy.process.pid, 'SIGKILL')
  await waitFor(() => !workers.some(alive), { describe: 'no worker', state: () => proxy.process.output })
  assert.equal(await portIsFree(port), true)
  assert.match(proxy.process.stdout, /orphaned/)
})

test('a port that is taken is said once, with exit 1; too little buffer is wrong usage', async (context) => {
  const port = await freePort()
  const taken = createServer()
  await new Promise<void>((listening) => taken.listen(port, '127.0.0.1', listening))
  context.after(() => taken.close())
  const inUse = await runForebay(context, ['proxy', '--workers', '2', '--port', String(port)])
  assert.equal(inUse.code, 1)
  assert.match(inUse.stdout, /cannot listen on 127\.0\.0\.1:\d+: listen EADDRINUSE/)
  assert.equal(inUse.stdout.trim().split('\n').length, 1, inUse.stdout)
  const tight = await runForebay(context, ['proxy', '--workers', '64', '--max-buffer', '16MiB'])
  assert.equal(tight.code, 2)
  assert.match(tight.stderr, /--workers 64: --max-buffer 16MiB is less than 1MiB for each/)
})
