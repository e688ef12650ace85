import assert from 'node:assert/strict'
import { before, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Pool } from 'undici'
import type { TopicPlacement } from '../../src/core/placement.ts'
import type { ClusterAddress } from '../support/cluster-set.ts'
import { freePort } from '../support/free-port.ts'
import { readAll } from '../support/independent-reader.ts'
import { sharedCluster } from '../support/kafka.ts'
import { placedTopic } from '../support/placed-topic.ts'
import { runForebay } from '../support/process.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  assertConserved,
  placementOf,
  postEvents,
  type RunningProxy,
  readMetrics,
  startProxy,
} from './proxy-support.ts'

let fronting: ClusterAddress

before(async () => {
  fronting = await sharedCluster('fronting')
})

async function proxyWith(
  context: TestContext,
  choices: Partial<TopicPlacement>,
  args: readonly string[] = [],
): Promise<{ proxy: RunningProxy; topic: string }> {
  const topic = uniqueTopic('proxy')
  const configs = { 'max.message.bytes': String(20 * 2 ** 20) }
  context.after(await makeTopic(fronting.bootstrap, topic, { partitions: 2, replicas: 2, configs }))
  const placement = placementOf(fronting.bootstrap, [placedTopic(topic, choices)])
  return {
    proxy: await startProxy(context, placement, ['--log-level', 'info', '--drain-grace', '200ms', ...args]),
    topic,
  }
}

async function valuesOf(topic: string, count: number, proxy: RunningProxy) {
  return waitFor(
    async () => {
      const records = await readAll(fronting.bootstrap, topic)
      return records.length >= count ? records : undefined
    },
    { describe: `${count} records in ${topic}`, state: () => proxy.process.output.slice(-4000) },
  )
}

test('events of every size from 0 bytes to 15 MB arrive byte for byte, durable', async (context) => {
  const { proxy, topic } = await proxyWith(context, {
    delivery: 'durable',
    maxEventBytes: 16 * 2 ** 20,
    check: 'none',
  })
  const sizes = [0, 1, 63, 64, 300, 8191, 8192, 65_535, 65_536, 1_000_000, 15_000_000]
  const sent = sizes.map((size) => Buffer.alloc(size, `${size} bytes `))
  for (const body of sent) {
    const answer = await postEvents(proxy, topic, body, 'application/octet-stream')
    assert.deepEqual(answer, { status: 200, body: { accepted: 1 } })
  }
  const records = await valuesOf(topic, sizes.length, proxy)
  const bySize = (a: Buffer, b: Buffer) => a.length - b.length
  const arrived = records.map(({ value }) => value ?? Buffer.from('null')).sort(bySize)
  for (const [at, body] of sent.entries()) assert.ok(arrived[at]?.equals(body), `${body.length} bytes`)
  assertConserved(await readMetrics(proxy))
})

test('fast: key, headers and inflated lines reach Kafka; the arrival time is the time stamp', async (context) => {
  const { proxy, topic } = await proxyWith(context, {})
  const startedMs = Date.now()
  const response = await fetch(`${proxy.url}/v1/topics/${topic}/events?key=user-7`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'forebay-event-id': 'e-1',
      'forebay-timestamp': '2020-01-02T03:04:05Z',
    },
    body: '{"n": 12345678901234567890}',
  })
  assert.equal(response.status, 202)
  const lines = await fetch(`${proxy.url}/v1/topics/${topic}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
    body: new Uint8Array(gzipSync('{"a":1}\r\n{"b":2}\n')),
  })
  assert.deepEqual(await lines.json(), { accepted: 2 })
  const records = await valuesOf(topic, 3, proxy)
  assert.deepEqual(records.map(({ value }) => String(value)).sort(), [
    '{"a":1}',
    '{"b":2}',
    '{"n": 12345678901234567890}',
  ])
  const keyed = records.find(({ key }) => key !== null)
  assert.equal(String(keyed?.key), 'user-7')
  assert.equal(String(keyed?.headers.forebay_id), 'e-1')
  assert.equal(String(keyed?.headers.forebay_time), String(Date.parse('2020-01-02T03:04:05Z')))
  for (const { timestamp } of records)
    assert.ok(timestamp >= startedMs - 1000 && timestamp <= Date.now() + 1000)
  await waitFor(async () => (await readMetrics(proxy)).get('forebay_events_in_flight') === 0, {
    describe: 'nothing in flight',
  })
  const samples = await readMetrics(proxy)
  assert.equal(samples.get(`forebay_events_outcome_total{topic="${topic}",outcome="delivered",reason=""}`), 3)
  assertConserved(samples)
})

test('SIGTERM under load: nothing accepted is lost, no client sees a reset, the process ends with 0', async (context) => {
  const { proxy, topic } = await proxyWith(context, {}, ['--drain-grace', '1s'])
  const pool = new Pool(proxy.url, { connections: 4, pipelining: 1 })
  context.after(() => pool.destroy())
  let accepted = 0
  const answers = new Map<number, number>()
  const client = async () => {
    // As behind a load balancer: it goes on asking until an answer says that the connection ends, then goes elsewhere.
    for (let leaving = false; !leaving; ) {
      const path = `/v1/topics/${topic}/events`
      const request = { method: 'POST' as const, path, body: '{"a":1}\n{"a":2}\n' }
      const { statusCode, headers, body } = await pool.request({
        ...request,
        headers: { 'content-type': 'application/x-ndjson' },
      })
      const answer = (await body.json()) as { accepted?: number }
      accepted += answer.accepted ?? 0
      answers.set(statusCode, (answers.get(statusCode) ?? 0) + 1)
      leaving = headers.connection === 'close'
    }
  }
  const clients = [client(), client(), client(), client()]
  for (const one of clients) one.catch(() => undefined)
  await waitFor(() => accepted > 2000, { describe: 'load' })
  proxy.process.kill('SIGTERM')
  const exit = await proxy.process.exited
  // Rejects when one of them saw a reset.
  await Promise.all(clients)
  assert.deepEqual(exit, { code: 0, signal: null }, proxy.process.output.slice(-4000))
  assert.match(proxy.process.stdout, /drained: unsent 0, unanswered 0"}\n$/)
  assert.deepEqual(
    [...answers.keys()].filter((status) => status !== 202 && status !== 503),
    [],
  )
  assert.equal((await valuesOf(topic, accepted, proxy)).length, accepted)
})

/** A proxy whose only cluster does not answer, with this many events accepted. */
async function stuckProxy(
  context: TestContext,
  events: number,
  args: readonly string[],
): Promise<RunningProxy> {
  const nobody = `127.0.0.1:${await freePort()}`
  const proxy = await startProxy(context, placementOf([nobody], [placedTopic('stuck.events')]), args)
  const answer = await postEvents(proxy, 'stuck.events', '{}\n'.repeat(events))
  assert.deepEqual(answer, { status: 202, body: { accepted: events } })
  return proxy
}

test('SIGTERM without Kafka: ends within the drain timeout and says what is unsent', async (context) => {
  const proxy = await stuckProxy(context, 7, ['--drain-grace', '100ms', '--drain-timeout', '1500ms'])
  const startedMs = performance.now()
  proxy.process.kill('SIGTERM')
  const exit = await proxy.process.exited
  assert.equal(exit.code, 1, proxy.process.output)
  assert.match(proxy.process.stdout, /drained: unsent 7, unanswered 0"}\n$/)
  assert.ok(performance.now() - startedMs < 5000)
})

test('a second SIGTERM means now, and what is unsent is still said', async (context) => {
  const proxy = await stuckProxy(context, 3, ['--drain-grace', '60s', '--drain-timeout', '120s'])
  proxy.process.kill('SIGTERM')
  await waitFor(() => proxy.process.stdout.includes('"draining"'), { describe: 'the drain to begin' })
  const ready = await fetch(`${proxy.url}/readyz`)
  assert.equal(ready.status, 503)
  assert.deepEqual(((await ready.json()) as { problems: string[] }).problems, ['draining'])
  proxy.process.kill('SIGTERM')
  const exit = await proxy.process.exited
  assert.equal(exit.code, 1)
  assert.match(proxy.process.stdout, /drained: unsent 3, unanswered 0"}\n$/)
})

test('wrong usage is a sentence and exit 2; a taken port is named and exit 1', async (context) => {
  const wrong = await runForebay(context, ['proxy', '--max-depth', 'deep'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /^forebay proxy: --max-depth: "deep" is not a whole number, 1 to 1024\n$/)
  const proxy = await startProxy(context, placementOf(['127.0.0.1:1'], []))
  const port = new URL(proxy.url).port
  const taken = await runForebay(context, ['proxy', '--port', port, '--control', 'http://127.0.0.1:1'])
  assert.equal(taken.code, 1)
  assert.ok(taken.stdout.includes(`cannot listen on 127.0.0.1:${port}`), taken.stdout)
})
