import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { brokerIds } from '../support/fault-brokers.ts'
import { latencyMs } from '../support/fault-load.ts'
import { residentBytes } from '../support/fault-memory.ts'
import { ProxySampler } from '../support/fault-sampler.ts'
import { waitFor } from '../support/wait-for.ts'

const capBytes = 16 * 2 ** 20

test('F12: the cluster is out and there is no standby: the buffer fills to its cap, refuses by name, heals by itself', {
  timeout: 300_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { fast: {}, durable: { delivery: 'durable' } },
    proxyArgs: ['--max-buffer', '16MiB'],
  })
  const fast = await bed.load('fast', { requestsPerSecond: 40, eventsPerRequest: 100, eventBytes: 500 })
  const durable = await bed.load('durable', { requestsPerSecond: 2, eventsPerRequest: 10 })
  const sampler = new ProxySampler(bed.proxy, bed.topic('fast'))
  await bed.during(1000)
  const injectedMs = nowMs()
  for (const id of brokerIds) await bed.cluster.pause(id)
  await waitFor(() => fast.requests.find(({ fate }) => fate === 'refused'), {
    describe: 'the buffer to be full',
    timeoutMs: 60_000,
    state: () => ({ last: fast.requests.slice(-3), log: bed.log }),
  })
  await bed.during(full ? 20_000 : 4000)
  const endedMs = nowMs()
  await sampler.stop()
  const buffered = sampler.most(({ bufferBytes }) => bufferBytes)
  const { peak } = residentBytes(bed.proxy.process.pid)
  for (const id of brokerIds) await bed.cluster.resume(id)
  // The load still runs: it is taken again without anybody's help.
  const again = await waitFor(
    () => fast.requests.find(({ dueMs, fate }) => dueMs > endedMs + 100 && fate === 'accepted'),
    { describe: 'events to be taken again', timeoutMs: 60_000, state: () => bed.log },
  )
  await bed.during(1000)
  const metrics = await bed.settle()

  context.diagnostic(
    `buffered at most ${buffered} bytes of ${capBytes}; resident at most ${Math.round(peak / 2 ** 20)} MiB`,
  )
  assert.ok(buffered > 0.4 * capBytes && buffered <= capBytes, `${buffered} bytes were buffered`)
  const refused = fast.requests.filter(({ fate }) => fate === 'refused')
  const reasons = new Set(refused.map(({ status, reason }) => `${status} ${reason}`))
  assert.deepEqual([...reasons], ['429 buffer-full'])
  const p99 = latencyMs(refused, 0.99)
  context.diagnostic(
    `${refused.length} refusals, p99 ${p99.toFixed(1)} ms; back after ${Math.round(again.endMs - endedMs)} ms`,
  )
  const typical = latencyMs(refused, 0.5)
  assert.ok(full ? p99 <= 20 : typical <= 100, `a refusal took ${typical} ms at p50, ${p99} ms at p99`)
  assert.equal(fast.requests.filter(({ fate }) => fate === 'unknown').length, 0)
  await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs)
  await bed.assertNothingLost(metrics, 'durable')
  const named = durable.requests.filter(({ fate }) => fate !== 'accepted')
  for (const { status, reason } of named)
    assert.match(`${status} ${reason}`, /^(503 ack-timeout|429 buffer-full)$/)
})
