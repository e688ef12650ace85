import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed } from '../support/fault-bed.ts'

test('F27: the proxy is stopped for 10 s: on waking it is ready, nothing is taken for timed out, nothing is refused', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, { topics: { fast: {}, durable: { delivery: 'durable' } } })
  // A little latency, so that requests are unanswered at the moment of the stop.
  await bed.cluster.fault(1, { delayAnswersMs: 50 })
  await bed.cluster.fault(2, { delayAnswersMs: 50 })
  await bed.cluster.fault(3, { delayAnswersMs: 50 })
  const fast = await bed.load('fast')
  const durable = await bed.load('durable')
  await bed.during(1000)
  bed.proxy.process.kill('SIGSTOP')
  await bed.during(10_000)
  bed.proxy.process.kill('SIGCONT')
  const woken = await fetch(`${bed.proxy.url}/readyz`)
  assert.equal(woken.status, 200, await woken.text())
  await bed.during(2000)
  const metrics = await bed.settle()
  for (const { requests } of [fast, durable]) {
    assert.deepEqual(
      requests.filter(({ fate }) => fate !== 'accepted'),
      [],
      bed.log,
    )
  }
  for (const [sample, opened] of metrics) {
    if (sample.startsWith('forebay_lane_breaker_opened_total'))
      assert.equal(opened, 0, `${sample}\n${bed.log}`)
  }
  const resent = bed.resent(metrics, 'fast') + bed.resent(metrics, 'durable')
  assert.equal(resent, 0, `${resent} events were sent again though no broker failed\n${bed.log}`)
  await bed.assertNothingLost(metrics, 'fast')
  await bed.assertNothingLost(metrics, 'durable')
})
