import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { longOnly, nowMs } from './fault-bed.ts'
import { verdictOf } from './fault-checker.ts'
import { faultCluster } from './fault-cluster.ts'
import { FigureKeeper } from './fault-figures.ts'
import { FaultLoad } from './fault-load.ts'
import { assertGoesRound, assertWithinLane, type OneBrokerFault, oneBrokerFault } from './fault-one-broker.ts'
import { freePort } from './free-port.ts'
import { TestProcess } from './process.ts'
import { makeTopic, uniqueTopic } from './topics.ts'

const partitions = 12
const load = { requestsPerSecond: 20, eventsPerRequest: 100 }
const aroundMs = 6000
const outageMs = 8000

/** How the broker is lost and comes back. */
export interface Outage extends Pick<OneBrokerFault, 'inject' | 'end'> {
  readonly id: string
  /** For the test's name: `a broker …`. */
  readonly does: string
  readonly longOnly?: boolean
}

/**
 * The outage on which producers of the same language lose acknowledged events: one of three brokers is gone for 8 s of 20, under 20
 * requests/s of 100 unkeyed events each to a fast and a durable topic. With `--baselines`, what the baselines make of the same.
 */
export function eightSeconds(outage: Outage): void {
  const { id, does } = outage
  test(`${id}: a broker ${does} for 8 s of 20: durable loses nothing, fast what was not replicated, nobody is refused`, {
    timeout: 240_000,
    skip: outage.longOnly === true ? longOnly : false,
  }, async (context) => {
    const fault = { ...outage, outageMs, aroundMs, partitions, fastLoad: load, durableLoad: load }
    const result = await oneBrokerFault(context, fault)
    const { bed, metrics, injectedMs, injectionEndedMs, durable } = result
    assertGoesRound(result)
    assertWithinLane(result)
    const refused = durable.requests.filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(refused, [], 'durable traffic was refused')
    const { lost } = await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs, injectionEndedMs)
    bed.note('fast events lost', lost)
    await bed.assertNothingLost(metrics, 'durable')
  })
  for (const name of ['kafkajs', 'platformatic'] as const) {
    const skip = process.env.TEST_FAULT_BASELINES === '1' ? false : 'only with --baselines'
    test(
      `${id}, for comparison: fastify + ${name} when a broker ${does} for 8 s of 20`,
      {
        timeout: 400_000,
        skip,
      },
      (context) => baseline(context, name, outage),
    )
  }
}

/** Asserts nothing but that it ran: what it loses and doubles is the figure. */
async function baseline(context: TestContext, name: string, outage: Outage): Promise<void> {
  const cluster = await faultCluster()
  await cluster.heal()
  const topic = uniqueTopic(`fault-${name}`)
  const removeTopic = await makeTopic(cluster.bootstrap, topic, { partitions, replicas: 2 })
  const port = await freePort()
  const file = join(import.meta.dirname, `../../load/baselines/fastify-${name}.ts`)
  const to = ['--port', String(port), '--bootstrap', cluster.bootstrap.join(','), '--topic', topic]
  const server = new TestProcess(
    spawn(process.execPath, [file, ...to], { stdio: ['ignore', 'pipe', 'pipe'] }),
    file,
  )
  const url = `http://127.0.0.1:${port}`
  const hooks: (() => void)[] = []
  const figures = new FigureKeeper(
    context.name,
    { after: (hook) => void hooks.push(hook) },
    { url, process: server },
  )
  context.after(async () => {
    for (const hook of hooks) hook()
    server.kill()
    await cluster.heal()
    await removeTopic()
  })
  await server.waitForReady(url)
  const running = new FaultLoad({ url, topic, ...load, eventBytes: 300, connections: 64 })
  context.after(() => running.abort())
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  await sleep(aroundMs)
  await outage.inject(cluster)
  await sleep(outageMs)
  await outage.end?.(cluster)
  await sleep(aroundMs)
  const stoppedMs = nowMs()
  await running.stop()
  await cluster.heal()
  const verdict = await verdictOf(cluster.bootstrap, topic, [running])
  const refused = running.requests.filter(({ fate }) => fate === 'refused').length
  figures.judged(topic, { durable: false, refused, verdict })
  figures.more['acknowledged events lost'] = verdict.lost
  figures.more['failed requests, %'] = (100 * refused) / running.requests.length
  figures.more['slowest answer, s'] =
    Math.max(...running.requests.map(({ dueMs, endMs }) => endMs - dueMs)) / 1000
  context.diagnostic(
    `${JSON.stringify({ ...verdict, lossAtMs: undefined })}; ended ${nowMs() - stoppedMs} ms later`,
  )
  assert.ok(verdict.accepted > 0, server.output.slice(-2000))
}
