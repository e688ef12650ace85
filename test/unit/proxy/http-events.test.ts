import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { json, ndjson, rows, rowTopics } from './http-event-rows.ts'
import { post, raw, startTestProxy, type TestProxy, type TestTally } from './http-support.ts'

let proxy: TestProxy

before(async () => {
  proxy = await startTestProxy(rowTopics)
})

after(() => proxy.close())

function eventsOf(): string[] {
  return proxy.room.taken.splice(0).flatMap((taken) => taken.events.map(String))
}

for (const row of rows) {
  test(`POST: ${row.name}`, async () => {
    const path = `/v1/topics/${row.topic ?? 't.fast'}/events${row.query ?? ''}`
    const answer = await post(proxy, path, row.body, row.headers)
    const seen = { status: answer.status, type: answer.headers.get('content-type'), body: answer.body }
    const rejected = (answer.body.rejected ?? []).map(
      (one: { index: number; reason: string }) => `${one.index} ${one.reason}`,
    )
    assert.equal(answer.status, row.status, JSON.stringify(seen))
    assert.deepEqual(eventsOf(), row.accepted ?? [], JSON.stringify(seen))
    assert.deepEqual(rejected, row.rejected ?? [], JSON.stringify(seen))
    if (row.problem === undefined) {
      assert.equal(answer.body.accepted, row.accepted?.length)
      assert.equal(seen.type, 'application/json')
    } else {
      assert.equal(answer.body.type, `urn:forebay:problem:${row.problem}`)
      assert.equal(seen.type, 'application/problem+json')
    }
    assert.equal(proxy.room.usedBytes, 0, 'all room is given back')
  })
}

test('key, id, time and trace reach the records', async () => {
  const answer = await post(proxy, '/v1/topics/t.fast/events?key=caf%C3%A9+1%2B', '{}', {
    ...json,
    'forebay-event-id': 'id-1',
    'forebay-timestamp': '2026-01-31T12:00:00.5+01:00',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  })
  assert.equal(answer.status, 202)
  const [taken] = proxy.room.taken.splice(0)
  assert.equal(taken?.key, 'café 1+')
  assert.deepEqual(taken?.headers, {
    forebay_id: 'id-1',
    forebay_time: String(Date.parse('2026-01-31T11:00:00.5Z')),
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    forebay_epoch: '7',
  })
})

test('a long list of bad events is cut and the rest is counted', async () => {
  const before = proxy.ledger.topic('t.fast').rejected.get('invalid-json') ?? 0
  const answer = await post(proxy, '/v1/topics/t.fast/events', `1\n${'{\n'.repeat(250)}`, ndjson)
  assert.equal(answer.status, 202)
  assert.equal(answer.body.rejected?.length, 100)
  assert.equal(answer.body.rejectedTotal, 250)
  assert.equal(proxy.ledger.topic('t.fast').rejected.get('invalid-json'), before + 250)
  eventsOf()
})

test('no room: 429 with Retry-After, and nothing counts as received', async () => {
  proxy.room.full = true
  const received = proxy.ledger.topic('t.fast').received
  const answer = await post(proxy, '/v1/topics/t.fast/events', '1\n{\n', ndjson)
  proxy.room.full = false
  assert.equal(answer.status, 429)
  assert.equal(answer.headers.get('retry-after'), '2')
  assert.equal(answer.body.type, 'urn:forebay:problem:buffer-full')
  assert.equal(proxy.ledger.topic('t.fast').received, received)
})

test('no room for the body: 429 before it is read; larger than the whole buffer: 413', async () => {
  const limit = proxy.room.limitBytes
  proxy.room.limitBytes = 1000
  proxy.room.usedBytes = 500
  const full = await post(proxy, '/v1/topics/t.fast/events', '1'.repeat(600), ndjson)
  const never = await post(proxy, '/v1/topics/t.fast/events', '1'.repeat(1001), ndjson)
  assert.equal(proxy.room.usedBytes, 500)
  proxy.room.usedBytes = 0
  proxy.room.limitBytes = limit
  assert.deepEqual([full.status, never.status], [429, 413])
})

async function durable(onDurable: (tally: TestTally) => void) {
  const usual = proxy.room.onDurable
  proxy.room.onDurable = onDurable
  try {
    return await post(proxy, '/v1/topics/t.durable/events', '[1,2,3]', json)
  } finally {
    proxy.room.onDurable = usual
    eventsOf()
  }
}

test('durable: acks that do not come in time are withdrawn, and the client is told the numbers', async () => {
  const answer = await durable((tally) => {
    tally.delivered = 1
  })
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('retry-after'), '2')
  assert.equal(answer.body.type, 'urn:forebay:problem:ack-timeout')
  assert.deepEqual([answer.body.delivered, answer.body.failed, answer.body.unknown], [1, 2, 0])
})

test('durable: what the brokers refuse is not worth a retry', async () => {
  const answer = await durable((tally) => {
    tally.refused = 3
    tally.failed = 3
    tally.settle()
  })
  assert.equal(answer.status, 422)
  assert.equal(answer.body.type, 'urn:forebay:problem:all-rejected')
})

const texts = fc.array(
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
  { maxLength: 30 },
)
const cuts = fc.array(fc.nat(), { maxLength: 6 })

test('whatever the chunks, events come out byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(texts, cuts, fc.boolean(), fc.boolean(), async (events, places, asArray, squeeze) => {
      const text = asArray ? `[${events.join(' , ')}]` : events.map((event) => `${event}\n`).join('')
      const whole = squeeze ? gzipSync(text) : Buffer.from(text)
      const sorted = places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b)
      const chunks = [...sorted, whole.length].map((end, at) => whole.subarray(sorted[at - 1] ?? 0, end))
      const answer = await post(
        proxy,
        '/v1/topics/t.fast/events',
        ReadableStream.from(chunks.filter((chunk) => chunk.length > 0)),
        {
          ...(asArray ? json : ndjson),
          ...(squeeze ? { 'content-encoding': 'gzip' } : {}),
        },
      )
      assert.equal(answer.status, 202, JSON.stringify(answer.body))
      assert.deepEqual(eventsOf(), events)
      assert.equal(proxy.room.usedBytes, 0)
    }),
    { numRuns: 60 },
  )
})

test('a large body with Content-Length and one in chunks come out the same', async () => {
  const events = Array.from({ length: 5000 }, (_, at) => JSON.stringify({ at, pad: 'é'.repeat(at % 50) }))
  const body = Buffer.from(events.join('\n'))
  await post(proxy, '/v1/topics/t.fast/events', body, ndjson)
  assert.deepEqual(eventsOf(), events)
  await post(
    proxy,
    '/v1/topics/t.fast/events',
    ReadableStream.from([body.subarray(0, 70_000), body.subarray(70_000)]),
    ndjson,
  )
  assert.deepEqual(eventsOf(), events)
})

test('Expect: 100-continue', async () => {
  const head =
    'POST /v1/topics/t.fast/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n'
  const got = await raw(proxy.port, [head, '7'], '"accepted":1}')
  assert.match(got, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 202 /)
  assert.deepEqual(eventsOf(), ['7'])
})

test('two requests on one connection, the first one refused with a small body left', async () => {
  const first = 'POST /v1/topics/t.no/events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345'
  const second = 'POST /v1/topics/t.fast/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n8'
  const got = await raw(proxy.port, [first, second], '"accepted":1}')
  assert.match(got, /^HTTP\/1.1 404 [\s\S]*HTTP\/1.1 202 /)
  assert.deepEqual(eventsOf(), ['8'])
})
