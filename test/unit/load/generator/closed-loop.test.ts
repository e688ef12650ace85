import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { buildBodies } from '../../../../load/generator/bodies.ts'
import { closedLoop } from '../../../../load/generator/closed-loop.ts'
import { fixedEvents } from '../../../../load/generator/event-source.ts'
import { countingServer, serve } from './counting-server.ts'

const source = fixedEvents(64)
const requests = buildBodies({
  ...{ run: 'r', first: 0, events: 1000, format: 'ndjson', eventsPerBody: 10, source },
}).map((body) => ({ path: '/x', body }))

async function loadOn(t: TestContext, listener: RequestListener, forMs?: number) {
  const target = { address: await serve(t, listener), saysAccepted: true }
  return closedLoop({ target, requests, connections: 8, ...(forMs === undefined ? {} : { forMs }) })
}

describe('the closed loop', () => {
  test('posts every body once and offers refused ones again', async (t) => {
    const { seen, listener } = countingServer(1000, (request) => (request % 7 === 0 ? 429 : 202))
    const { counts, seconds, generatorCpuShare } = await loadOn(t, listener)
    assert.deepEqual(
      [counts.accepted, seen.arrivals.distinct, seen.arrivals.duplicates, counts.complaint(requests)],
      [1000, 1000, 0, undefined],
    )
    assert.equal(counts.refusedRequests, seen.requests - 100)
    assert.ok(seconds > 0 && generatorCpuShare > 0)
  })

  test('other answers are counted and not repeated; a server that hangs up fails it', async (t) => {
    const { counts } = await loadOn(t, countingServer(1000, () => 404).listener)
    assert.deepEqual([counts.accepted, counts.otherAnswers], [0, { 404: 100 }])
    assert.match(counts.complaint(requests) ?? '', /accepted 0 of 1000 .*\{"404":100\}/)
    await assert.rejects(loadOn(t, (request) => request.socket.destroy()))
  })

  test('ends when its time is over, with everything it sent answered', async (t) => {
    const { seen, listener } = countingServer(1000, () => 202)
    const { counts } = await loadOn(t, listener, 0)
    assert.ok(counts.accepted < 1000)
    assert.equal(counts.accepted, seen.arrivals.distinct)
  })
})
