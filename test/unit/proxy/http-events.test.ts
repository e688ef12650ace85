import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { placed, post, raw, startTestProxy, type TestProxy, type TestTally } from './http-support.ts'

const json = { 'content-type': 'application/json' }
const ndjson = { 'content-type': 'application/x-ndjson' }

let proxy: TestProxy

before(async () => {
  proxy = await startTestProxy([
    placed('t.fast'),
    placed('t.durable', { delivery: 'durable' }),
    placed('t.grammar', { check: 'grammar' }),
    placed('t.none', { check: 'none' }),
    placed('t.small', { maxEventBytes: 10 }),
    placed('t.lines', { mediaTypes: ['application/jsonl'] }),
  ])
})

after(() => proxy.close())

function eventsOf(): string[] {
  return proxy.room.taken.splice(0).flatMap((taken) => taken.events.map(String))
}

interface Row {
  readonly name: string
  readonly topic?: string
  readonly query?: string
  readonly headers?: Record<string, string>
  readonly body: string | Buffer
  readonly status: number
  /** End of the problem's type. */
  readonly problem?: string
  readonly accepted?: readonly string[]
  /** `index reason` of each rejected event. */
  readonly rejected?: readonly string[]
}

const rows: readonly Row[] = [
  { name: 'one JSON value', headers: json, body: ' {"a": 1}\n', status: 202, accepted: ['{"a": 1}'] },
  {
    name: 'a charset does not matter',
    headers: { 'content-type': 'Application/JSON; charset=utf-8' },
    body: '[1]',
    status: 202,
    accepted: ['1'],
  },
  {
    name: 'an array is a batch',
    headers: json,
    body: '[ {"a":[1]} , 2]',
    status: 202,
    accepted: ['{"a":[1]}', '2'],
  },
  { name: 'an empty array', headers: json, body: '[]', status: 202, accepted: [] },
  {
    name: 'a bad element',
    headers: json,
    body: '[1,é,3]',
    status: 202,
    accepted: ['1', '3'],
    rejected: ['1 invalid-json'],
  },
  { name: 'an array without an end', headers: json, body: '[1,2', status: 400, problem: 'invalid-body' },
  {
    name: 'an array with something behind it',
    headers: json,
    body: '[1] 2',
    status: 400,
    problem: 'invalid-body',
  },
  { name: 'empty JSON', headers: json, body: '', status: 400, problem: 'empty-body' },
  { name: 'blank JSON', headers: json, body: ' \n', status: 400, problem: 'empty-body' },
  {
    name: 'lines',
    headers: ndjson,
    body: '{"a":1}\r\n\n [2] \n3',
    status: 202,
    accepted: ['{"a":1}', ' [2] ', '3'],
  },
  {
    name: 'lines by another name',
    headers: { 'content-type': 'application/jsonl' },
    body: '1\n',
    status: 202,
    accepted: ['1'],
  },
  { name: 'empty lines', headers: ndjson, body: '', status: 202, accepted: [] },
  {
    name: 'a bad line',
    headers: ndjson,
    body: '1\n{"a"\n"x',
    status: 202,
    accepted: ['1'],
    rejected: ['1 invalid-json', '2 invalid-json'],
  },
  {
    name: 'only bad lines',
    headers: ndjson,
    body: '{\n}\n',
    status: 422,
    problem: 'all-rejected',
    rejected: ['0 invalid-json', '1 invalid-json'],
  },
  {
    name: 'strict',
    query: '?strict=true',
    headers: ndjson,
    body: '1\n{\n',
    status: 422,
    problem: 'strict-rejected',
    rejected: ['1 invalid-json'],
  },
  {
    name: 'strict and all good',
    query: '?strict=true',
    headers: ndjson,
    body: '1\n2\n',
    status: 202,
    accepted: ['1', '2'],
  },
  {
    name: 'bad UTF-8 in one line',
    headers: ndjson,
    body: Buffer.from('"a"\n"\xff"\n"b"', 'latin1'),
    status: 202,
    accepted: ['"a"', '"b"'],
    rejected: ['1 invalid-utf8'],
  },
  {
    name: 'one event of bad UTF-8',
    headers: json,
    body: Buffer.from('"\xff"', 'latin1'),
    status: 422,
    problem: 'all-rejected',
    rejected: ['0 invalid-utf8'],
  },
  {
    name: 'a byte order mark',
    headers: json,
    body: '\ufeff{}',
    status: 422,
    problem: 'all-rejected',
    rejected: ['0 invalid-json'],
  },
  {
    name: 'too deep',
    headers: json,
    body: '{"a":'.repeat(65) + '1' + '}'.repeat(65),
    status: 422,
    problem: 'all-rejected',
    rejected: ['0 too-deep'],
  },
  {
    name: 'structure takes what looks like JSON',
    headers: json,
    body: '{a:1}',
    status: 202,
    accepted: ['{a:1}'],
  },
  {
    name: 'grammar does not',
    topic: 't.grammar',
    headers: json,
    body: '{a:1}',
    status: 422,
    problem: 'all-rejected',
    rejected: ['0 invalid-json'],
  },
  {
    name: 'grammar in an array',
    topic: 't.grammar',
    headers: json,
    body: '[nope,{"a":1}]',
    status: 202,
    accepted: ['{"a":1}'],
    rejected: ['0 invalid-json'],
  },
  {
    name: 'none takes everything',
    topic: 't.none',
    headers: ndjson,
    body: '{\n\ufeff}',
    status: 202,
    accepted: ['{', '\ufeff}'],
  },
  {
    name: 'none takes no empty element',
    topic: 't.none',
    headers: json,
    body: '[1,]',
    status: 202,
    accepted: ['1'],
    rejected: ['1 invalid-json'],
  },
  {
    name: 'a large event among others',
    topic: 't.small',
    headers: ndjson,
    body: '1\n"0123456789"\n',
    status: 202,
    accepted: ['1'],
    rejected: ['1 too-large'],
  },
  {
    name: 'one large event',
    topic: 't.small',
    headers: json,
    body: '"0123456789"',
    status: 413,
    problem: 'too-large',
    rejected: ['0 too-large'],
  },
  {
    name: 'one large opaque event',
    topic: 't.small',
    body: '0123456789a',
    status: 413,
    problem: 'too-large',
  },
  {
    name: 'text is opaque',
    headers: { 'content-type': 'text/plain' },
    body: '\r\n a\n',
    status: 202,
    accepted: ['\r\n a\n'],
  },
  { name: 'no media type is opaque', body: '{', status: 202, accepted: ['{'] },
  { name: 'empty and opaque: one event of no bytes', body: '', status: 202, accepted: [''] },
  {
    name: 'no media type',
    headers: { 'content-type': 'json' },
    body: '1',
    status: 415,
    problem: 'unsupported-media-type',
  },
  {
    name: 'a media type the topic does not take',
    topic: 't.lines',
    headers: json,
    body: '1',
    status: 415,
    problem: 'unsupported-media-type',
  },
  {
    name: 'a media type under another name',
    topic: 't.lines',
    headers: ndjson,
    body: '1',
    status: 202,
    accepted: ['1'],
  },
  {
    name: 'unknown encoding',
    headers: { ...json, 'content-encoding': 'lzma' },
    body: '1',
    status: 415,
    problem: 'unsupported-encoding',
  },
  {
    name: 'two encodings',
    headers: { ...json, 'content-encoding': 'gzip, br' },
    body: '1',
    status: 415,
    problem: 'unsupported-encoding',
  },
  {
    name: 'gzip',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: gzipSync('[1,2]'),
    status: 202,
    accepted: ['1', '2'],
  },
  {
    name: 'deflate',
    headers: { ...json, 'content-encoding': 'deflate' },
    body: deflateSync('[1,2]'),
    status: 202,
    accepted: ['1', '2'],
  },
  {
    name: 'br',
    headers: { ...json, 'content-encoding': 'br' },
    body: brotliCompressSync('[1,2]'),
    status: 202,
    accepted: ['1', '2'],
  },
  {
    name: 'zstd',
    headers: { ...json, 'content-encoding': 'zstd' },
    body: zstdCompressSync('[1,2]'),
    status: 202,
    accepted: ['1', '2'],
  },
  {
    name: 'identity',
    headers: { ...json, 'content-encoding': 'identity' },
    body: '1',
    status: 202,
    accepted: ['1'],
  },
  {
    name: 'broken gzip',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: '[1,2]',
    status: 400,
    problem: 'invalid-body',
  },
  {
    name: 'gzip cut short',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: gzipSync('[1,2]').subarray(0, -4),
    status: 400,
    problem: 'invalid-body',
  },
  {
    name: 'br cut short',
    headers: { ...json, 'content-encoding': 'br' },
    body: brotliCompressSync('[1,2]').subarray(0, -2),
    status: 400,
    problem: 'invalid-body',
  },
  {
    name: 'zstd with something behind it',
    headers: { ...json, 'content-encoding': 'zstd' },
    body: Buffer.concat([zstdCompressSync('1'), Buffer.from('x')]),
    status: 400,
    problem: 'invalid-body',
  },
  {
    name: 'nothing, said to be gzip',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: '',
    status: 400,
    problem: 'invalid-body',
  },
  {
    name: 'a gzip bomb',
    headers: { ...ndjson, 'content-encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(2 ** 24)),
    status: 413,
    problem: 'too-large',
  },
  {
    name: 'a br bomb',
    headers: { ...ndjson, 'content-encoding': 'br' },
    body: brotliCompressSync(Buffer.alloc(2 ** 24)),
    status: 413,
    problem: 'too-large',
  },
  {
    name: 'a zstd bomb',
    headers: { ...ndjson, 'content-encoding': 'zstd' },
    body: zstdCompressSync(Buffer.alloc(2 ** 24)),
    status: 413,
    problem: 'too-large',
  },
  {
    name: 'too large by Content-Length',
    headers: ndjson,
    body: Buffer.alloc(2 ** 20 + 1, 0x31),
    status: 413,
    problem: 'too-large',
  },
  {
    name: 'an unknown topic',
    topic: 't.nowhere',
    headers: json,
    body: '1',
    status: 404,
    problem: 'unknown-topic',
  },
  { name: 'an empty key', query: '?key=', body: '1', status: 400, problem: 'invalid-parameter' },
  {
    name: 'a key that is too long',
    query: `?key=${'k'.repeat(4097)}`,
    body: '1',
    status: 400,
    problem: 'invalid-parameter',
  },
  {
    name: 'a key that is not UTF-8',
    query: '?key=%ff',
    body: '1',
    status: 400,
    problem: 'invalid-parameter',
  },
  { name: 'two keys', query: '?key=a&key=b', body: '1', status: 400, problem: 'invalid-parameter' },
  { name: 'strict but how', query: '?strict=yes', body: '1', status: 400, problem: 'invalid-parameter' },
  { name: 'unknown query keys', query: '?x=%ff&y', body: '1', status: 202, accepted: ['1'] },
  {
    name: 'an id for two events',
    headers: { ...json, 'forebay-event-id': 'a' },
    body: '[1,2]',
    status: 400,
    problem: 'invalid-parameter',
  },
  {
    name: 'a time that is none',
    headers: { ...json, 'forebay-timestamp': 'yesterday' },
    body: '1',
    status: 400,
    problem: 'invalid-parameter',
  },
  { name: 'durable', topic: 't.durable', headers: ndjson, body: '1\n2\n', status: 200, accepted: ['1', '2'] },
  {
    name: 'durable and nothing in it',
    topic: 't.durable',
    headers: json,
    body: '[]',
    status: 200,
    accepted: [],
  },
]

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
  })
})

test('a long list of bad events is cut and the rest is counted', async () => {
  const before = proxy.ledger.topic('t.fast').rejected.get('invalid-json') ?? 0
  const answer = await post(proxy, '/v1/topics/t.fast/events', `1\n${'{\n'.repeat(250)}`, ndjson)
  assert.equal(answer.status, 202)
  assert.equal(answer.body.rejected.length, 100)
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
