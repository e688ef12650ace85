import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import { fakeServer, forebay, type Reply, type Seen } from '../harness.ts'

interface Result {
  readonly sent: number
  readonly accepted: number
  readonly rejected: number
  readonly refused: number
  readonly failed: number
  readonly maybeTwice: number
  readonly rejections: unknown[]
}

async function sendTo(
  answer: (request: Seen, index: number) => Reply,
  words: readonly string[],
  stdin?: string,
): Promise<{ code: number; result: Result; err: string; seen: Seen[] }> {
  const server = await fakeServer(answer)
  try {
    const { code, out, err } = await forebay(
      ['send', 'web.clicks', '--proxy', server.url, '--json', ...words],
      stdin === undefined ? {} : { stdin },
    )
    return { code, result: JSON.parse(out) as Result, err, seen: server.seen }
  } finally {
    await server.close()
  }
}

const accepts = ({ body }: Seen): Reply => ({
  status: 202,
  body: { accepted: body.split('\n').filter((line) => line !== '').length },
})

const problem = (
  name: string,
  status: number,
  more: object = {},
  headers: Record<string, string> = {},
): Reply => ({
  status,
  headers,
  body: { type: `urn:forebay:problem:${name}`, title: name, status, detail: 'because', ...more },
})

describe('send', () => {
  test('NDJSON from stdin in batches; exit 0 when all is accepted', async () => {
    const { code, result, seen } = await sendTo(accepts, ['--batch', '2'], '{"a":1}\n{"a":2}\n{"a":3}\n')
    assert.equal(code, 0)
    assert.deepEqual([result.sent, result.accepted, result.failed], [3, 3, 0])
    assert.deepEqual(
      seen.map((request) => request.body),
      ['{"a":1}\n{"a":2}\n', '{"a":3}\n'],
    )
    assert.equal(seen[0]?.url, '/v1/topics/web.clicks/events')
    assert.equal(seen[0]?.headers['content-type'], 'application/x-ndjson')
  })

  test('429 is retried after Retry-After and counted as refused, not as a duplicate', async () => {
    const { code, result } = await sendTo(
      (request, index) =>
        index === 0 ? problem('buffer-full', 429, {}, { 'retry-after': '0' }) : accepts(request),
      ['1', '2'],
    )
    assert.equal(code, 0)
    assert.deepEqual([result.accepted, result.refused, result.maybeTwice], [2, 2, 0])
  })

  test('missing acks are retried; what may be there already is counted as possibly twice', async () => {
    const { result } = await sendTo(
      (request, index) =>
        index === 0
          ? problem('ack-timeout', 503, { delivered: 1, failed: 1, unknown: 1 }, { 'retry-after': '0' })
          : accepts(request),
      ['1', '2', '3'],
    )
    assert.deepEqual([result.accepted, result.maybeTwice], [3, 2])
  })

  test('rejected events: counted, shown, exit 1', async () => {
    const rejected = [{ index: 1, reason: 'invalid-json', detail: 'x' }]
    const { code, result } = await sendTo(
      () => ({ status: 202, body: { accepted: 1, rejected } }),
      ['1', '{'],
    )
    assert.equal(code, 1)
    assert.deepEqual([result.accepted, result.rejected], [1, 1])
    assert.deepEqual(result.rejections, rejected)
  })

  test('an unknown topic ends it at once with what to do', async () => {
    const server = await fakeServer(() => problem('unknown-topic', 404))
    const { code, err, out } = await forebay(['send', 'no.such', '--count', '1000', '--proxy', server.url])
    await server.close()
    assert.equal(code, 1)
    assert.match(err, /unknown-topic: because\nCreate it first/)
    assert.match(out, /^sent 100, accepted 0, rejected 0, refused 0 \(429, retried\), failed 100/)
    assert.equal(server.seen.length, 1)
  })

  test('a proxy that is not there yet: tried again until it is', async () => {
    const gone = await fakeServer(accepts)
    await gone.close()
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(202, { 'content-type': 'application/json' })
        response.end('{"accepted":1}')
      })
    })
    const running = forebay(['send', 'web.clicks', '{}', '--json', '--proxy', gone.url])
    server.listen(Number(new URL(gone.url).port), '127.0.0.1')
    const { code, out } = await running
    server.close()
    server.closeAllConnections()
    assert.equal(code, 0)
    assert.deepEqual([(JSON.parse(out) as Result).accepted, (JSON.parse(out) as Result).maybeTwice], [1, 0])
  })

  test('a draining proxy is asked again', async () => {
    const { code, result } = await sendTo(
      (request, index) =>
        index === 1 ? problem('draining', 503, {}, { 'retry-after': '0' }) : accepts(request),
      ['--count', '300'],
    )
    assert.equal(code, 0)
    assert.deepEqual([result.accepted, result.maybeTwice], [300, 0])
  })

  test('giving up: failed, exit 1, and the sentence says why', async () => {
    const server = await fakeServer(accepts)
    await server.close()
    const { code, out, err } = await forebay(['send', 'a.b', '1', '--give-up', '1ms', '--proxy', server.url])
    assert.equal(code, 1)
    assert.match(err, /the proxy at .* does not answer \(connection refused\)/)
    assert.match(out, /failed 1/)
  })

  test('Ctrl-C prints the summary of what was sent', async () => {
    const interruption = new AbortController()
    const server = await fakeServer((request, index) => {
      if (index === 2) interruption.abort()
      return accepts(request)
    })
    const { code, out } = await forebay(
      ['send', 'a.b', '--count', '100000', '--json', '--proxy', server.url],
      {
        interrupted: interruption.signal,
      },
    )
    await server.close()
    const result = JSON.parse(out) as Result
    assert.equal(code, 0)
    assert.equal(result.sent, result.accepted)
    assert.ok(result.sent >= 300 && result.sent < 1000, out)
  })

  test('a rate makes batches of at most a tenth of a second', async () => {
    const { result, seen } = await sendTo(accepts, ['--count', '60', '--rate', '300', '--size', '64B'])
    assert.equal(result.accepted, 60)
    assert.equal(seen.length, 2)
  })
})
