import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMetrics } from '../integration/proxy-support.ts'
import { FaultBed, full } from '../support/fault-bed.ts'
import { brokerIds } from '../support/fault-brokers.ts'

const bodyEvents = 50

test('F23: the proxy is killed: fast loses no more than was buffered, durable nothing that was answered', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, { topics: { fast: {}, durable: { delivery: 'durable' } } })
  // Slow answers keep something in the buffer; without them there is nothing to lose.
  for (const id of brokerIds) await bed.cluster.fault(id, { delayAnswersMs: 200 })
  const fast = await bed.load('fast', { requestsPerSecond: full ? 200 : 40 })
  const durable = await bed.load('durable', { requestsPerSecond: 10 })
  await bed.during(3000)
  const acceptedBefore = fast.accepted
  const inFlight = (await readMetrics(bed.proxy)).get('forebay_events_in_flight') ?? Number.NaN
  bed.proxy.process.kill('SIGKILL')
  await bed.proxy.process.exited
  await bed.during(500)
  await bed.settle()
  // What came in after the look into the proxy may have been buffered too.
  const bound = inFlight + (fast.accepted - acceptedBefore) + 2 * bodyEvents
  const { lost } = await bed.verdict('fast')
  context.diagnostic(`in flight at the kill: ${inFlight}; bound ${bound}; lost ${lost}`)
  assert.ok(lost <= bound, `${lost} lost, ${bound} could have been in the buffer`)
  const broken = fast.requests.filter(({ fate }) => fate === 'unknown')
  assert.ok(broken.length > 0, 'no client saw the kill')
  assert.equal((await bed.verdict('durable')).lost, 0)
  assert.ok(durable.accepted > 0)
})
