import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { brokerIds } from '../support/fault-brokers.ts'
import { assertNotSlowed, type Turn } from '../support/fault-quantiles.ts'
import { waitFor } from '../support/wait-for.ts'

const turns = full ? 5 : 3
const quietMs = 2500
const floodMs = full ? 6000 : 3000
const names = ['one', 'two', 'three'] as const

test('F44: one topic floods: it is refused, the others neither refused nor slowed down', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { flood: {}, one: {}, two: {}, three: { delivery: 'durable' } },
    proxyArgs: ['--max-buffer', '4MiB'],
  })
  // The brokers drain slower than the flood comes, so that the buffer fills; below the time after which a lane counts as stalled.
  for (const id of brokerIds) await bed.cluster.fault(id, { delayAnswersMs: 250 })
  // Far below their shares, even when a busy machine lets nothing out for seconds.
  const quiet = { requestsPerSecond: 60, eventsPerRequest: 5, eventBytes: 200 }
  const others = await Promise.all(names.map((name) => bed.load(name, quiet)))
  const all: Turn[] = []
  let refusals = 0
  for (let turn = 0; turn < turns; turn += 1) {
    const quietFrom = nowMs()
    await bed.during(quietMs)
    const quietTo = nowMs()
    const flood = bed.startLoadApart('flood', {
      requestsPerSecond: 40,
      eventsPerRequest: 250,
      eventBytes: 1000,
    })
    await waitFor(() => flood.requests.some(({ fate }) => fate === 'refused'), {
      describe: 'the flood to be refused',
      state: () => flood.requests.slice(-3),
    })
    const floodedMs = nowMs()
    await bed.during(floodMs)
    all.push({ quiet: [[quietFrom, quietTo]], fault: [floodedMs, nowMs()] })
    await flood.stop()
    const refused = flood.requests.filter(({ fate }) => fate !== 'accepted')
    for (const { status, reason } of refused) assert.equal(`${status} ${reason}`, '429 buffer-full')
    refusals += refused.length
    await bed.during(500)
  }
  const metrics = await bed.settle()
  bed.note('requests of the flood that were refused', refusals)
  for (const [index, { requests }] of others.entries()) {
    const name = names[index] ?? ''
    const refused = requests.filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(refused, [], 'another topic was refused')
    bed.note(`p99 of ${name}, × without the flood`, assertNotSlowed(context, name, requests, all))
  }
  for (const name of ['flood', ...names]) await bed.assertNothingLost(metrics, name)
})
