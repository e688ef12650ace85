import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { AppLimits } from '../../../src/proxy/http/app.ts'
import type { PipelineSettings } from '../../../src/proxy/pipeline.ts'
import { placedTopic } from '../../support/placed-topic.ts'
import { waitFor } from '../../support/wait-for.ts'
import { documentOf, post, raw, startTestProxy, type TestProxy } from './http-support.ts'

async function start(
  context: TestContext,
  settings: Partial<PipelineSettings & AppLimits> = {},
): Promise<TestProxy> {
  const proxy = await startTestProxy(
    [placedTopic('t.fast'), placedTopic('t.durable', { delivery: 'durable' })],
    settings,
  )
  context.after(() => proxy.close())
  return proxy
}

function head(...lines: string[]): string {
  return ['POST /v1/topics/t.fast/events HTTP/1.1', ...lines, '', ''].join('\r\n')
}

interface RawRow {
  readonly name: string
  readonly bytes: string
  readonly status: number
  readonly problem: string
}

const rows: readonly RawRow[] = [
  {
    name: 'two Host headers',
    bytes: head('Host: a', 'Host: b', 'Content-Length: 0'),
    status: 400,
    problem: 'duplicate-header',
  },
  {
    name: 'two Host headers, hidden behind many others',
    bytes: head('Host: a', ...Array.from({ length: 2500 }, () => 'a:'), 'Host: b', 'Content-Length: 0'),
    status: 400,
    problem: 'duplicate-header',
  },
  {
    name: 'two Authorization headers',
    bytes: head('Host: a', 'Authorization: x', 'authorization: y', 'Content-Length: 0'),
    status: 400,
    problem: 'duplicate-header',
  },
  {
    name: 'two Content-Type headers',
    bytes: head('Host: a', 'Content-Type: x/y', 'content-type: x/y', 'Content-Length: 0'),
    status: 400,
    problem: 'duplicate-header',
  },
  { name: 'no Host', bytes: head('Content-Length: 0'), status: 400, problem: 'malformed-request' },
  {
    name: 'two different lengths',
    bytes: head('Host: a', 'Content-Length: 1', 'Content-Length: 2'),
    status: 400,
    problem: 'malformed-request',
  },
  {
    name: 'a length beside chunks',
    bytes: head('Host: a', 'Content-Length: 1', 'Transfer-Encoding: chunked'),
    status: 400,
    problem: 'malformed-request',
  },
  {
    name: 'a transfer encoding that we do not know',
    bytes: head('Host: a', 'Transfer-Encoding: gzip, chunked'),
    status: 400,
    problem: 'malformed-request',
  },
  { name: 'no HTTP at all', bytes: 'hello\r\n\r\n', status: 400, problem: 'malformed-request' },
  {
    name: 'headers without an end',
    bytes: `${head('Host: a').slice(0, -2)}x: ${'y'.repeat(20_000)}`,
    status: 431,
    problem: 'headers-too-large',
  },
  {
    name: 'a path that is not there',
    bytes: 'GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n',
    status: 404,
    problem: 'not-found',
  },
  {
    name: 'a method that is not taken',
    bytes: 'PUT /v1/topics/t.fast/events HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
    status: 405,
    problem: 'method-not-allowed',
  },
]

for (const row of rows) {
  test(`connection: ${row.name}`, async (context) => {
    const proxy = await start(context)
    const got = await raw(proxy.port, [row.bytes], '"detail"')
    assert.match(got, new RegExp(`^HTTP/1.1 ${row.status} `), got)
    assert.match(got, /content-type: application\/problem\+json/i)
    assert.match(got, /forebay-request-id: [0-9a-f]{12}-/i)
    assert.ok(got.includes(`"urn:forebay:problem:${row.problem}"`), got)
    assert.equal(proxy.room.taken.length, 0)
  })
}

test('HTTP/1.0 without Host is served', async (context) => {
  const proxy = await start(context)
  const got = await raw(proxy.port, ['POST /v1/topics/t.fast/events HTTP/1.0\r\nContent-Length: 1\r\n\r\n1'])
  assert.match(got, /^HTTP\/1.1 202 /)
})

const refusedHead = 'POST /v1/topics/t.no/events HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n'

test('a refused body that goes on: answered at once, read for 64 KiB, then the connection is closed', async (context) => {
  const proxy = await start(context)
  // The time limit never comes, so the end is the work of the byte limit.
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const got = await raw(proxy.port, [refusedHead, Buffer.alloc(70_000)])
  assert.match(got, /^HTTP\/1.1 404 /)
  assert.match(got, /connection: close/i)
})

test('a refused body that stalls: answered at once, the connection is closed after a second', async (context) => {
  const proxy = await start(context)
  context.mock.timers.enable({ apis: ['setTimeout'] })
  let got = ''
  const socket = connect(proxy.port, '127.0.0.1', () => socket.write(`${refusedHead}abc`))
  const { promise: answered, resolve } = Promise.withResolvers<void>()
  socket.on('data', (chunk) => {
    got += chunk
    if (got.includes('"detail"')) resolve()
  })
  await answered
  assert.equal(socket.closed, false)
  const closed = new Promise((done) => socket.on('close', done))
  context.mock.timers.tick(1000)
  await closed
})

test('an endless chunked body is refused at the limit, and the room is given back', async (context) => {
  const proxy = await start(context, { maxBodyBytes: 200_000 })
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  const got = await raw(proxy.port, [
    head('Host: a', 'Content-Type: application/x-ndjson', 'Transfer-Encoding: chunked'),
    ...Array.from({ length: 6 }, () => chunk),
  ])
  assert.match(got, /^HTTP\/1.1 413 /)
  await waitFor(() => proxy.room.usedBytes === 0, { describe: 'no room held' })
  assert.ok(proxy.room.peakBytes <= 4 * 65_536, `${proxy.room.peakBytes} bytes were held`)
})

test('a client that goes away gives its room back and is counted', async (context) => {
  const proxy = await start(context)
  const socket = connect(proxy.port, '127.0.0.1')
  socket.write(`${head('Host: a', 'Content-Length: 1000')}abc`)
  await waitFor(() => proxy.room.usedBytes === 1000, { describe: 'room for the body' })
  socket.destroy()
  await waitFor(() => proxy.room.usedBytes === 0, { describe: 'the room given back' })
  await waitFor(() => proxy.traffic.refused.get('aborted')?.requests === 1, { describe: 'the count' })
  assert.equal(proxy.ledger.topics.size, 0)
})

test('a body that stalls: 408, the connection is closed, the room given back', async (context) => {
  const proxy = await start(context, { bodyTimeoutMs: 100 })
  const got = await raw(proxy.port, [`${head('Host: a', 'Content-Length: 1000')}abc`])
  assert.match(got, /^HTTP\/1.1 408 /)
  assert.ok(got.includes('urn:forebay:problem:body-timeout'), got)
  assert.equal(proxy.room.usedBytes, 0)
})

test('headers that never end are timed out', async (context) => {
  const proxy = await start(context, { headersTimeoutMs: 200 })
  const got = await raw(proxy.port, ['POST /v1/topics/t.fast/events HTTP/1.1\r\nHost: a\r\nx: '])
  assert.match(got, /^HTTP\/1.1 408 /)
})

test('a connection that says nothing is closed', async (context) => {
  const proxy = await start(context, { headersTimeoutMs: 200 })
  await raw(proxy.port, [])
})

test('thousands of one-byte chunks cost the room of their bytes', async (context) => {
  const proxy = await start(context)
  const got = await raw(
    proxy.port,
    [head('Host: a', 'Transfer-Encoding: chunked'), '1\r\nx\r\n'.repeat(50_000), '0\r\n\r\n'],
    '"accepted":1}',
  )
  assert.match(got, /^HTTP\/1.1 202 /)
  assert.deepEqual(proxy.room.taken[0]?.events[0], Buffer.alloc(50_000, 'x'))
  assert.equal(proxy.room.peakBytes, 65_536)
})

test('before the first placement: 503 with Retry-After', async (context) => {
  const proxy = await startTestProxy(undefined)
  context.after(() => proxy.close())
  const answer = await post(proxy, '/v1/topics/t.fast/events', '1')
  assert.equal(answer.status, 503)
  assert.equal(answer.body.type, 'urn:forebay:problem:no-placement')
  assert.ok(answer.headers.has('retry-after'))
  proxy.topics.use(documentOf(placedTopic('t.fast')))
  assert.equal((await post(proxy, '/v1/topics/t.fast/events', '1')).status, 202)
})

test('drain: first served with Connection: close, then 503 for whoever still asks or still sends', async (context) => {
  const proxy = await start(context)
  const socket = connect(proxy.port, '127.0.0.1')
  let got = ''
  socket.on('data', (chunk) => {
    got += chunk
  })
  socket.write(`${head('Host: a', 'Content-Length: 2')}1`)
  await waitFor(() => proxy.room.usedBytes === 2, { describe: 'a body under way' })
  proxy.gate.state = 'leaving'
  const served = await post(proxy, '/v1/topics/t.fast/events', '1')
  assert.equal(served.status, 202)
  assert.equal(served.headers.get('connection'), 'close')
  proxy.gate.state = 'shut'
  proxy.pipeline.close()
  const refused = await post(proxy, '/v1/topics/t.fast/events', '1')
  assert.equal(refused.body.type, 'urn:forebay:problem:draining')
  assert.equal((await fetch(`${proxy.url}/livez`)).status, 200)
  socket.write('2')
  await waitFor(() => got.includes('draining'), { describe: 'the answer to the late body', state: () => got })
  assert.match(got, /^HTTP\/1.1 503 /)
  assert.equal(proxy.room.taken.length, 1)
})

test('a client that leaves while acks are awaited costs nothing', async (context) => {
  const proxy = await start(context, { durableTimeoutMs: 200 })
  proxy.room.onDurable = () => undefined
  const socket = connect(proxy.port, '127.0.0.1')
  socket.write('POST /v1/topics/t.durable/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1')
  await waitFor(() => proxy.room.taken.length === 1, { describe: 'the offer' })
  socket.destroy()
  await waitFor(() => proxy.pipeline.underWay === 0, { describe: 'the end of the request' })
})

test('openapi.json, metrics and health answer', async (context) => {
  const proxy = await start(context)
  await post(proxy, '/v1/topics/t.fast/events', '1')
  await post(proxy, '/v1/topics/t.no/events', '12')
  const api = (await (await fetch(`${proxy.url}/openapi.json`)).json()) as { openapi: string; paths: object }
  assert.equal(api.openapi, '3.1.0')
  assert.ok('/v1/topics/{topic}/events' in api.paths)
  const ready = await fetch(`${proxy.url}/readyz`)
  assert.equal(ready.status, 200)
  assert.match(ready.headers.get('forebay-request-id') ?? '', /-/)
  const text = await (await fetch(`${proxy.url}/metrics`)).text()
  for (const line of [
    'forebay_events_received_total{topic="t.fast"} 1',
    'forebay_events_in_flight 1',
    'forebay_requests_refused_total{reason="unknown-topic",topic="_unknown"} 1',
    'forebay_requests_refused_bytes_total{reason="unknown-topic",topic="_unknown"} 2',
    'forebay_placement_version 7',
    'forebay_http_request_duration_seconds_count{family="native",status="202"} 1',
    'forebay_http_request_duration_seconds_bucket{le="+Inf",family="native",status="404"} 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\nin\n${text}`)
  }
})
