import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { describe, test } from 'node:test'
import { buildBodies } from '../../../../load/generator/bodies.ts'
import { closedLoop } from '../../../../load/generator/closed-loop.ts'
import { Arrivals } from '../../../../load/verify/arrivals.ts'
import { MultisetDigest } from '../../../../load/verify/multiset-digest.ts'

describe('the bodies', () => {
  test('hold every event once, of the asked size, as JSON', () => {
    const digest = new MultisetDigest()
    const bodies = buildBodies({ run: 'r', first: 5, events: 23, eventBytes: 90, eventsPerBody: 10 }, digest)
    assert.deepEqual(
      bodies.map((body) => body.events),
      [10, 10, 3],
    )
    const arrivals = new Arrivals('r', 28, 23)
    for (const { bytes } of bodies) {
      const lines = bytes.toString().split('\n')
      assert.equal(lines.pop(), '')
      for (const line of lines) {
        assert.equal(line.length, 90)
        JSON.parse(line)
        arrivals.add(Buffer.from(line))
      }
    }
    assert.deepEqual([arrivals.distinct, arrivals.duplicates, arrivals.strange], [23, 0, 0])
    assert.ok(arrivals.digest.equals(digest))
  })
})

describe('the closed loop', () => {
  async function loadOn(listener: RequestListener, ratePerSecond?: number) {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const bodies = buildBodies({ run: 'r', first: 0, events: 1000, eventBytes: 64, eventsPerBody: 10 })
    try {
      return await closedLoop({
        port: typeof address === 'object' ? (address?.port ?? 0) : 0,
        path: '/x',
        bodies,
        connections: 8,
        ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
      })
    } finally {
      server.close()
      server.closeAllConnections()
    }
  }

  test('posts every body once and offers refused ones again', async () => {
    const arrivals = new Arrivals('r', 1000)
    let requests = 0
    const result = await loadOn((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        requests += 1
        const refused = requests % 7 === 0
        const lines = Buffer.concat(chunks).toString().trim().split('\n')
        if (!refused) for (const line of lines) arrivals.add(Buffer.from(line))
        const body = refused ? '{}' : `{"accepted":${lines.length}}`
        response.writeHead(refused ? 429 : 202, { 'content-length': body.length }).end(body)
      })
    })
    assert.deepEqual([result.accepted, arrivals.distinct, arrivals.duplicates], [1000, 1000, 0])
    assert.equal(result.refusedRequests, requests - 100)
    assert.ok(result.seconds > 0 && result.generatorCpuShare > 0)
  })

  test('other answers are counted and not repeated; a server that hangs up fails it', async () => {
    const result = await loadOn((request, response) => {
      request.resume().on('end', () => response.writeHead(404, { 'content-length': 0 }).end())
    })
    assert.deepEqual([result.accepted, result.otherAnswers], [0, { 404: 100 }])
    await assert.rejects(loadOn((request) => request.socket.destroy()))
  })

  test('a rate is not exceeded', async () => {
    const result = await loadOn((request, response) => {
      request
        .resume()
        .on('end', () => response.writeHead(200, { 'content-length': 15 }).end('{"accepted":10}'))
    }, 5000)
    assert.ok(result.seconds >= 0.19, String(result.seconds))
  })
})
