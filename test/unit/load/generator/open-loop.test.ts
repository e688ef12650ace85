import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { buildBodies } from '../../../../load/generator/bodies.ts'
import type { ConnectionMode } from '../../../../load/generator/connection-pool.ts'
import { fixedEvents } from '../../../../load/generator/event-source.ts'
import { openLoop } from '../../../../load/generator/open-loop.ts'
import { seededRandom } from '../../../../load/generator/random.ts'
import { arrivals } from '../../../../load/generator/schedule.ts'
import { SentLog } from '../../../../load/verify/sent-log.ts'
import { countingServer, serve } from './counting-server.ts'

const requests = buildBodies({
  ...{ run: 'r', first: 0, events: 1000, format: 'ndjson', eventsPerBody: 10, source: fixedEvents(64) },
}).map((body) => ({ path: '/x', body }))

async function shoot(
  t: TestContext,
  listener: RequestListener,
  options: { connections?: number; mode?: ConnectionMode; patienceMs?: number } = {},
) {
  const log = new SentLog('r')
  const address = await serve(t, listener)
  const target = { address, saysAccepted: true, onFate: log.note.bind(log) }
  const schedule = arrivals({ pattern: 'poisson', requestsPerSecond: 1000, random: seededRandom(7) })
  return { log, result: await openLoop({ target, requests, schedule, connections: 8, ...options }) }
}

describe('the open loop', () => {
  for (const mode of ['keep-alive', 'new'] as const) {
    test(`posts every body once (${mode})`, async (t) => {
      const { seen, listener } = countingServer(1000, () => 202)
      const { log, result } = await shoot(t, listener, { mode })
      assert.equal(result.counts.complaint(requests), undefined)
      assert.deepEqual([seen.arrivals.distinct, seen.arrivals.duplicates, seen.requests], [1000, 0, 100])
      assert.deepEqual(log.counts, { acknowledged: 1000, refused: 0, unknown: 0 })
      assert.deepEqual(
        [result.latency.count, result.serviceTime.count, result.lateness.count],
        [100, 100, 100],
      )
      assert.equal(seen.sockets.size, mode === 'new' ? 100 : 8)
    })
  }

  test('keeps to its schedule: nothing goes out before its time', async (t) => {
    const { result } = await shoot(t, countingServer(1000, () => 202).listener)
    const schedule = arrivals({ pattern: 'poisson', requestsPerSecond: 1000, random: seededRandom(7) })
    const last = Array.from({ length: 100 }, () => schedule.next().value).at(-1)
    assert.ok(result.seconds * 1000 >= (last ?? Number.NaN), `${result.seconds} s`)
  })

  test('a stall is in the latency of everything intended meanwhile, not only of the request it hit', async (t) => {
    const { listener } = countingServer(1000, () => 202)
    let stallUntilMs = 0
    const { result } = await shoot(
      t,
      (request, response) => {
        if (stallUntilMs === 0) stallUntilMs = performance.now() + 300
        setTimeout(() => listener(request, response), Math.max(0, stallUntilMs - performance.now()))
      },
      { connections: 1 },
    )
    // Most of the 100 were due within 110 ms; a closed loop would show one slow request.
    assert.ok(result.latency.quantile(0.2) > 150_000, `${result.latency.quantile(0.2)}`)
    assert.ok(result.serviceTime.quantile(0.5) < result.latency.quantile(0.5))
  })

  test('refusals are not offered again and have a latency of their own', async (t) => {
    const { seen, listener } = countingServer(1000, (request) => (request % 4 === 0 ? 429 : 202))
    const { log, result } = await shoot(t, listener)
    assert.deepEqual([result.counts.accepted, result.counts.refusedRequests, seen.requests], [750, 25, 100])
    assert.deepEqual([result.latency.count, result.refusalLatency.count], [75, 25])
    assert.deepEqual(log.counts, { acknowledged: 750, refused: 250, unknown: 0 })
  })

  test('a lost connection is replaced; its request is unknown, and what never got one is never sent', async (t) => {
    const { listener } = countingServer(1000, () => 202)
    let requestsSeen = 0
    const hangingUp = await shoot(t, (request, response) => {
      requestsSeen += 1
      if (requestsSeen % 10 === 0) request.socket.destroy()
      else listener(request, response)
    })
    assert.equal(hangingUp.result.counts.unansweredRequests, 10)
    assert.deepEqual(hangingUp.log.counts, { acknowledged: 900, refused: 0, unknown: 100 })
    const silent = await shoot(t, () => undefined, { patienceMs: 0 })
    assert.deepEqual([silent.result.neverSent, silent.result.latency.count], [92, 0])
  })
})
