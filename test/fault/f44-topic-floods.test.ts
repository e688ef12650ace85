import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { brokerIds } from '../support/fault-brokers.ts'
import { latencyMs } from '../support/fault-load.ts'

/** The load comes from the same busy machine: in the short form the slowest tenth may be its own. */
const quantile = full ? 0.99 : 0.9

test('F44: one topic floods: it is refused, the others neither refused nor slowed down', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { flood: {}, one: {}, two: {}, three: { delivery: 'durable' } },
    proxyArgs: ['--max-buffer', '4MiB'],
  })
  // The brokers drain slower than the flood comes, so that the buffer fills; below the time after which a lane counts as stalled.
  for (const id of brokerIds) await bed.cluster.fault(id, { delayAnswersMs: 250 })
  const quiet = { requestsPerSecond: 20, eventsPerRequest: 20 }
  const others = await Promise.all(['one', 'two', 'three'].map((name) => bed.load(name, quiet)))
  await bed.during(full ? 15_000 : 4000)
  const floodedMs = nowMs()
  const flood = await bed.load('flood', {
    requestsPerSecond: 30,
    eventsPerRequest: 250,
    eventBytes: 1000,
  })
  await bed.during(full ? 15_000 : 4000)
  const endedMs = nowMs()
  const metrics = await bed.settle()
  const refused = flood.requests.filter(({ fate }) => fate === 'refused')
  context.diagnostic(`flood: ${refused.length} of ${flood.requests.length} requests refused`)
  assert.ok(refused.length > 0, 'the flood was not refused')
  for (const { status, reason } of refused) assert.equal(`${status} ${reason}`, '429 buffer-full')
  for (const [index, { requests }] of others.entries()) {
    assert.deepEqual(
      requests.filter(({ fate }) => fate !== 'accepted'),
      [],
      'another topic was refused',
    )
    const inside = (fromMs: number, toMs: number) =>
      latencyMs(
        requests.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs),
        quantile,
      )
    const [before, during] = [inside(0, floodedMs), inside(floodedMs, endedMs)]
    context.diagnostic(
      `${['one', 'two', 'three'][index]}: p${100 * quantile} ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms beside the flood`,
    )
    assert.ok(
      during <= before * (full ? 1.5 : 3) + 50,
      `p${100 * quantile} ${before} ms before, ${during} ms beside the flood`,
    )
  }
  for (const name of ['flood', 'one', 'two', 'three']) await bed.assertNothingLost(metrics, name)
})
