import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { applyTo, deleteAfter, uniqueNamespace } from '../integration/control-support.ts'
import { assertConserved, type RunningProxy, readMetrics } from '../integration/proxy-support.ts'
import { full, longOnly } from '../support/fault-bed.ts'
import { Arrivals, judge } from '../support/fault-checker.ts'
import { FaultClock } from '../support/fault-clock.ts'
import { faultCluster } from '../support/fault-cluster.ts'
import { FigureKeeper } from '../support/fault-figures.ts'
import { FaultLoad } from '../support/fault-load.ts'
import { freePort } from '../support/free-port.ts'
import { readAll } from '../support/independent-reader.ts'
import { startProcess, type TestProcess } from '../support/process.ts'
import { type Cleanup, temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const hour = 3600
const jumps = [
  { to: hour, what: 'an hour ahead' },
  { to: -hour, what: 'an hour back' },
  { to: 10 * 24 * hour, what: 'ten days ahead' },
  { to: 0, what: 'back to the present' },
] as const
const judgedMs = full ? 10_000 : 3000

/** Control plane, proxy and router, all by the same clock. */
class ClockedStack {
  readonly controlUrl: string
  readonly proxy: RunningProxy
  readonly router: RunningProxy
  readonly files: string
  control: TestProcess
  readonly #startControl: () => Promise<TestProcess>

  private constructor(
    parts: Pick<ClockedStack, 'controlUrl' | 'proxy' | 'router' | 'files' | 'control'>,
    startControl: () => Promise<TestProcess>,
  ) {
    this.controlUrl = parts.controlUrl
    this.proxy = parts.proxy
    this.router = parts.router
    this.files = parts.files
    this.control = parts.control
    this.#startControl = startControl
  }

  static async start(owner: Cleanup, clock: FaultClock, documents: readonly object[]): Promise<ClockedStack> {
    const folder = temporaryFolder(owner)
    const [controlPort, proxyPort, routerPort] = [await freePort(), await freePort(), await freePort()]
    const controlUrl = `http://127.0.0.1:${controlPort}`
    const start = async (command: string, port: number, args: readonly string[]) => {
      const all = ['--port', String(port), '--log-level', 'info', ...args]
      const process = startProcess(owner, command, all, { env: clock.env })
      const url = `http://127.0.0.1:${port}`
      await process.waitForReady(url)
      return { url, process }
    }
    const startControl = async () =>
      (await start('control', controlPort, ['--store', join(folder, 'control.sqlite')])).process
    const control = await startControl()
    await applyTo(controlUrl, documents)
    const follows = (name: string) => ['--control', controlUrl, '--data-dir', join(folder, name)]
    const [proxy, router] = await Promise.all([
      start('proxy', proxyPort, follows('proxy')),
      start('router', routerPort, follows('router')),
    ])
    const files = join(folder, 'router', 'files')
    return new ClockedStack({ controlUrl, proxy, router, files, control }, startControl)
  }

  async restartControl(): Promise<void> {
    this.control.kill('SIGKILL')
    await this.control.exited
    this.control = await this.#startControl()
  }

  /** What the router wrote of a topic. */
  arrivals(topic: string): Arrivals {
    const arrivals = new Arrivals()
    const folder = join(this.files, `${topic}.file`)
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.ndjson'))) {
      const lines = readFileSync(join(folder, name), 'utf8').split('\n')
      for (const line of lines) if (line !== '') arrivals.add(Buffer.from(line))
    }
    return arrivals
  }

  get log(): string {
    return [this.control, this.proxy.process, this.router.process]
      .map(({ output }) => output.slice(-3000))
      .join('\n')
  }
}

function sum(metrics: ReadonlyMap<string, number>, name: string, label = ''): number {
  const found = [...metrics].filter(([key]) => key.startsWith(name) && key.includes(label))
  return found.reduce((total, [, value]) => total + value, 0)
}

test('F39: the clocks of control plane, proxy and router jump by an hour and by ten days: nothing times out, nothing is lost, placements go on', {
  timeout: 300_000,
  skip: longOnly,
}, async (context: TestContext) => {
  const clock = FaultClock.make(context)
  if ('missing' in clock) {
    context.skip(`F39: ${clock.missing}`)
    return
  }
  const cluster = await faultCluster()
  await cluster.heal()
  const namespace = uniqueNamespace()
  const topics = { fast: `${namespace}.fast`, durable: `${namespace}.durable` }
  const topicDocument = (name: string, delivery: string) => ({ kind: 'Topic', name, owner: 'test', delivery })
  const documents = [
    { kind: 'Cluster', name: 'fronting-a', role: 'fronting', bootstrap: cluster.bootstrap },
    { kind: 'Namespace', name: namespace, owner: 'test' },
    ...Object.entries(topics).flatMap(([delivery, name]) => [
      topicDocument(name, delivery),
      { kind: 'Route', topic: name, sink: { type: 'file' } },
    ]),
  ]
  const all = [...Object.values(topics), ...jumps.map((_, index) => `${namespace}.added${index}`)]
  deleteAfter(context, [{ bootstrap: cluster.bootstrap, brokers: [] }], all)
  const stack = await ClockedStack.start(context, clock, documents)
  const hooks: (() => void | Promise<void>)[] = []
  context.after(async () => {
    for (const hook of hooks.reverse()) await hook()
  })
  const figures = new FigureKeeper(context.name, { after: (hook) => void hooks.push(hook) }, stack.proxy)
  const load = (topic: string, requestsPerSecond: number) => {
    const shape = { eventsPerRequest: 50, eventBytes: 300, connections: 32 }
    const one = new FaultLoad({ url: stack.proxy.url, topic, requestsPerSecond, ...shape })
    hooks.push(() => one.abort())
    return one
  }
  const loads = [load(topics.fast, 20), load(topics.durable, 5)]
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  await sleep(2000)
  for (const [index, { to, what }] of jumps.entries()) {
    clock.jumpTo(to)
    await sleep(judgedMs)
    for (const url of [stack.controlUrl, stack.proxy.url, stack.router.url]) {
      const ready = await fetch(`${url}/readyz`)
      assert.equal(ready.status, 200, `${what}: ${url} is not ready: ${await ready.text()}\n${stack.log}`)
    }
    // A new leader's term grows though its clock went back: else its placements would be refused as old.
    if (to < 0) await stack.restartControl()
    const added = `${namespace}.added${index}`
    await applyTo(stack.controlUrl, [topicDocument(added, 'durable')])
    await waitFor(
      async () => {
        const path = `${stack.proxy.url}/v1/topics/${added}/events`
        const headers = { 'content-type': 'application/json' }
        return (await fetch(path, { method: 'POST', headers, body: '{}' })).status === 200
      },
      { describe: `${what}: a new topic to be taken`, timeoutMs: 15_000, state: () => stack.log },
    )
  }
  await Promise.all(loads.map((one) => one.stop()))
  await waitFor(async () => sum(await readMetrics(stack.proxy), 'forebay_events_in_flight') === 0, {
    describe: 'nothing in flight',
    state: () => stack.log,
  })
  const metrics = await readMetrics(stack.proxy)
  assertConserved(metrics)
  for (const one of loads) {
    const failed = one.requests.filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(failed, [], `requests failed\n${stack.log}`)
  }
  assert.equal(sum(metrics, 'forebay_events_outcome_total', 'outcome="dropped"'), 0, stack.log)
  assert.equal(sum(metrics, 'forebay_lane_breaker_opened_total'), 0, `a lane was left out\n${stack.log}`)
  assert.equal(sum(metrics, 'forebay_events_resent_total'), 0, `something was sent again\n${stack.log}`)
  for (const one of loads) {
    const accepted = one.accepted
    await waitFor(() => stack.arrivals(one.topic).different >= accepted, {
      describe: `the router to write all ${accepted} events of ${one.topic}`,
      state: () => stack.log,
    })
    const verdict = judge(stack.arrivals(one.topic), [one])
    context.diagnostic(`${one.topic}: ${JSON.stringify({ ...verdict, lossAtMs: undefined })}`)
    figures.judged(one.topic, { durable: one.topic === topics.durable, refused: 0, verdict })
    assert.deepEqual(
      { lost: verdict.lost, duplicates: verdict.duplicates, neverSent: verdict.neverSent },
      { lost: 0, duplicates: 0, neverSent: 0 },
    )
  }
  const records = await readAll(cluster.bootstrap, topics.fast, { timeoutMs: 60_000 })
  const latestMs = Math.max(...records.map(({ timestamp }) => timestamp))
  const aheadDays = (latestMs - Date.now()) / 86_400_000
  context.diagnostic(`records are stamped up to ${aheadDays.toFixed(2)} days ahead`)
  assert.ok(aheadDays > 9.9, 'the broker did not get the times of the clock that jumped')
})
