import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RouteSpec } from '../../src/core/placement.ts'
import { readAll } from '../support/independent-reader.ts'
import { sharedClusters } from '../support/kafka.ts'
import {
  committedRecords,
  fileRoute,
  kafkaRoute,
  PlacementServer,
  routedDocument,
  type StartedRouter,
  startRouter,
  testProducer,
} from '../support/router-bed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const partitions = 4

/** A topic on both clusters with a producer that goes on until it is told to stop. */
async function flowingTopic(t: TestContext, name: string) {
  const { fronting, consumer } = await sharedClusters()
  const topic = uniqueTopic(name)
  t.after(await makeTopic(fronting.bootstrap, topic, { partitions, replicas: 2 }))
  t.after(await makeTopic(consumer.bootstrap, topic, { partitions }))
  const produce = await testProducer(t, fronting.bootstrap)
  let stopped = false
  let sent = 0
  const marks: { atMs: number; sent: number }[] = []
  const flowing = (async () => {
    while (!stopped) {
      const from = sent
      sent += 20
      marks.push({ atMs: performance.now(), sent })
      await sleep(10)
      const messages = Array.from({ length: 20 }, (_, index) => ({
        value: JSON.stringify({ id: from + index }),
      }))
      await produce(topic, (from / 20) % partitions, messages)
    }
  })()
  return {
    topic,
    fronting,
    consumer,
    sent: () => sent,
    /** How many were sent within the last `spanMs`. */
    sentWithin: (spanMs: number) => {
      const from = marks.findLast(({ atMs }) => atMs < performance.now() - spanMs)?.sent ?? 0
      return sent - from
    },
    async stop(): Promise<number> {
      stopped = true
      await flowing
      return sent
    },
  }
}

function placed(
  t: TestContext,
  { topic, fronting, consumer }: Awaited<ReturnType<typeof flowingTopic>>,
  routes: readonly RouteSpec[],
): Promise<PlacementServer> {
  const [from, to] = [fronting.bootstrap, consumer.bootstrap]
  return PlacementServer.start(t, routedDocument({ topic, fronting: from, consumer: to, partitions, routes }))
}

/** The values in the consumer cluster once there are `sent` different ones. */
async function arrived(
  flow: Awaited<ReturnType<typeof flowingTopic>>,
  sent: number,
  state: () => string,
): Promise<readonly string[]> {
  let values: readonly string[] = []
  await waitFor(
    async () => {
      values = (await readAll(flow.consumer.bootstrap, flow.topic)).map(({ value }) => String(value))
      return new Set(values).size >= sent
    },
    { describe: `${sent} different records in the consumer cluster`, intervalMs: 500, state },
  )
  return values
}

function idsOf(lines: readonly string[]): number[] {
  return lines.map((line) => (JSON.parse(line) as { id: number }).id)
}

function assertComplete(ids: readonly number[], sent: number, maxDuplicates: number, show: string): void {
  const seen = new Set(ids)
  const missing = Array.from({ length: sent }, (_, id) => id).filter((id) => !seen.has(id))
  assert.deepEqual(missing, [], `${missing.length} of ${sent} are missing\n${show}`)
  assert.ok(ids.length - sent <= maxDuplicates, `${ids.length - sent} duplicates\n${show}`)
}

async function ownedPartitions(router: StartedRouter, job: string): Promise<readonly number[]> {
  const response = await fetch(`${router.url}/readyz?verbose`)
  const { checks } = (await response.json()) as { checks: { routes: { detail: Record<string, number[]> } } }
  return checks.routes.detail[job] ?? []
}

describe('a router that goes away', () => {
  it('leaves no gap when it is killed, and repeats at most a commit window', async (t) => {
    const flow = await flowingTopic(t, 'router.kill')
    const folder = temporaryFolder(t)
    const directory = join(folder, 'out')
    const routes = [kafkaRoute(flow.topic), fileRoute(flow.topic, directory, 20_000)]
    const placement = await placed(t, flow, routes)
    let output = ''
    let window = 0
    for (let round = 0; round < 3; round += 1) {
      const before = flow.sent()
      const router = await startRouter(t, placement.url, folder, ['--commit-interval', '300ms'])
      await waitFor(
        async () => (await committedRecords(flow.fronting.bootstrap, flow.topic, routes)) > before,
        {
          describe: 'the router has caught up with what was there when it started, and committed it',
          state: () => router.process.output,
        },
      )
      router.process.kill('SIGKILL')
      await router.process.exited
      output += router.process.output
      // The interval, and a second for a fetch, a flush and a commit on a busy machine.
      window += flow.sentWithin(1300)
    }
    const sent = await flow.stop()
    const last = await startRouter(t, placement.url, folder)
    const lines = () =>
      readdirSync(directory).flatMap((name) =>
        name.endsWith('.ndjson') ? readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1) : [],
      )
    await waitFor(() => new Set(lines()).size >= sent, {
      describe: `${sent} different lines in the files`,
      state: () => ({ lines: lines().length, output: output + last.process.output }),
    })
    const values = await arrived(flow, sent, () => output + last.process.output)
    assertComplete(idsOf(lines()), sent, window, output)
    assertComplete(idsOf(values), sent, window, output)
    assert.ok(
      readdirSync(directory).filter((name) => name.endsWith('.ndjson')).length > 1,
      'files were rotated',
    )
    await last.process.stop()
  })

  it('shares partitions with another one and hands them over without duplicates', async (t) => {
    const flow = await flowingTopic(t, 'router.share')
    const routes = [kafkaRoute(flow.topic)]
    const job = `${flow.topic}.kafka@fronting-a`
    const placement = await placed(t, flow, routes)
    const first = await startRouter(t, placement.url, temporaryFolder(t))
    await waitFor(async () => (await ownedPartitions(first, job)).length === partitions, {
      describe: 'the first router owns all',
      state: () => first.process.output,
    })
    const second = await startRouter(t, placement.url, temporaryFolder(t))
    const both = () => first.process.output + second.process.output
    await waitFor(
      async () =>
        (await ownedPartitions(first, job)).length === 2 && (await ownedPartitions(second, job)).length === 2,
      { describe: 'each owns two', state: both },
    )
    assert.deepEqual(await first.process.stop(), { code: 0, signal: null }, both())
    await waitFor(async () => (await ownedPartitions(second, job)).length === partitions, {
      describe: 'the second router owns all',
      state: both,
    })
    const sent = await flow.stop()
    const values = await arrived(flow, sent, both)
    assertComplete(idsOf(values), sent, 0, both())
    await second.process.stop()
  })
})
