import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { residentBytes } from '../support/fault-memory.ts'
import { assertNotSlowed, type Turn } from '../support/fault-quantiles.ts'
import { ProxySampler } from '../support/fault-sampler.ts'

const eventsPerSecond = full ? 20_000 : 5000
const turns = full ? 3 : 2
const turnMs = full ? 4000 : 2000
/** The default of `--max-buffer`. */
const capBytes = 256 * 2 ** 20
const fixedBytes = 150 * 2 ** 20

test(`F02: a broker hangs at ${eventsPerSecond} events/s of 1 KB: fast traffic goes on within its memory, a durable topic beside it does not slow it`, {
  timeout: 600_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { fast: { partitions: 12 }, durable: { delivery: 'durable', partitions: 12 } },
  })
  const requestsPerSecond = eventsPerSecond / 100
  const fast = await bed.load('fast', {
    requestsPerSecond,
    eventsPerRequest: 100,
    eventBytes: 1000,
    connections: 64,
  })
  const sampler = new ProxySampler(bed.proxy, bed.topic('fast'))
  await bed.during(2000)
  const injectedMs = nowMs()
  await bed.cluster.pause(2)
  const injectionEndedMs = nowMs()
  await bed.during(1000)
  // In the outage, with and without the durable topic.
  const all: Turn[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    const quietFrom = nowMs()
    await bed.during(turnMs)
    const quietTo = nowMs()
    const durable = await bed.load('durable')
    const durableFrom = nowMs()
    await bed.during(turnMs)
    all.push({ quiet: [[quietFrom, quietTo]], fault: [durableFrom, nowMs()] })
    await durable.stop()
  }
  await bed.during(Math.max(0, injectedMs + (full ? 30_000 : 0) - nowMs()))
  const endedMs = nowMs()
  await bed.cluster.resume(2)
  await bed.during(2000)
  await sampler.stop()
  const { peak } = residentBytes(bed.proxy.process.pid)
  const metrics = await bed.settle()

  const asked = fast.between(injectedMs + 1000, endedMs)
  const accepted = asked.filter(({ fate }) => fate === 'accepted').length / asked.length
  bed.note('outage, s', (endedMs - injectedMs) / 1000)
  bed.note('accepted after the first second, %', 100 * accepted)
  assert.ok(accepted >= 0.99, `${accepted} of the requests were accepted`)
  const { delivered, received } = sampler.between(injectedMs + 1000, endedMs)
  bed.note('delivered of received after the first second, %', (100 * delivered) / received)
  assert.ok(delivered >= 0.9 * received, `${delivered} of ${received} delivered\n${bed.log}`)
  bed.note('buffered at most, MiB', sampler.most(({ bufferBytes }) => bufferBytes) / 2 ** 20)
  assert.ok(peak <= capBytes + fixedBytes, `the proxy's memory reached ${peak} bytes`)
  bed.note(
    'p99 of fast beside the durable topic, × without it',
    assertNotSlowed(context, 'fast', fast.requests, all),
  )
  const { lost } = await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs, injectionEndedMs)
  bed.note('fast events lost', lost)
  await bed.assertNothingLost(metrics, 'durable')
})
