import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spread } from '../../load/report/statistics.ts'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { LivezProbe } from '../support/fault-livez-probe.ts'
import { assertNotSlowed, quantileMs, type Turn } from '../support/fault-quantiles.ts'
import { ProxySampler } from '../support/fault-sampler.ts'

const slow = 2
const turns = full ? 5 : 3
const quietMs = 2500
const faultMs = full ? 6000 : 3000
/** For what the broker held back to be answered, or given up, and for the weights to find out. */
const settleMs = 1500

for (const delayAnswersMs of [500, 5000]) {
  test(`F03: a broker answers ${delayAnswersMs} ms late: traffic shifts away from it, others do not wait`, {
    timeout: 240_000,
  }, async (context) => {
    const bed = await FaultBed.make(context, {
      topics: { fast: {}, durable: { delivery: 'durable' }, elsewhere: { delivery: 'durable' } },
      // Acked by the slow broker too, but led by the others: these answers must not wait for it.
      assignments: { elsewhere: [1, 3, 1, 3, 1, 3].map((leader) => [leader, 4 - leader, slow]) },
    })
    const quick = { requestsPerSecond: 100, eventsPerRequest: 10 }
    const [fast, elsewhere] = await Promise.all([
      bed.load('fast', quick),
      bed.load('elsewhere', quick),
      bed.load('durable', { requestsPerSecond: 5 }),
    ])
    const sampler = new ProxySampler(bed.proxy, bed.topic('fast'))
    const all: Turn[] = []
    for (let turn = 0; turn < turns; turn += 1) {
      const quietFrom = nowMs()
      await bed.during(quietMs)
      const injectedMs = nowMs()
      await bed.cluster.fault(slow, { delayAnswersMs })
      await bed.during(settleMs + faultMs)
      const endedMs = nowMs()
      await bed.cluster.fault(slow, {})
      await bed.during(settleMs)
      all.push({ quiet: [[quietFrom, injectedMs]], fault: [injectedMs + settleMs, endedMs] })
    }
    await bed.during(quietMs)
    await sampler.stop()
    const metrics = await bed.settle()
    const lane = sampler.most(({ laneBytes }) => laneBytes)
    assert.ok(lane <= 9 * 2 ** 20, `${lane} bytes in a lane`)
    const refused = fast.requests.filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(refused, [], 'fast traffic was refused')
    const shares = []
    for (const { fault } of all) shares.push(await bed.shareOfBroker('fast', slow, ...fault))
    const share = shares.reduce((sum, one) => sum + one, 0) / shares.length
    bed.note("the slow broker's share of the records (a third when it is well)", share)
    assert.ok(share < 0.2, `the slow broker still got ${share} of the records`)
    const ratios = {
      fast: assertNotSlowed(context, 'fast', fast.requests, all),
      elsewhere: assertNotSlowed(context, 'durable, led elsewhere', elsewhere.requests, all),
    }
    bed.note('p99 of fast, × without the fault', ratios.fast)
    bed.note('p99 of durable led elsewhere, × without the fault', ratios.elsewhere)
    for (const name of ['fast', 'durable', 'elsewhere']) await bed.assertNothingLost(metrics, name)
  })
}

/** Less than a lane counts as stalled by, and too few requests to fill it: nothing but the weights tells it from the others. */
const littleMs = 200
/** Where the machine makes every broker wait like the slow one, they are all alike: that says nothing of the weights. */
const quietLivezMs = 60

test(`F03: a broker answers ${littleMs} ms late: the weights alone keep traffic away from it`, {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { fast: {} },
    assignments: { fast: [1, 2, 3, 1, 2, 3].map((leader) => [leader, (leader % 3) + 1]) },
    proxyArgs: ['--batch', '1KiB'],
  })
  // Each event is a batch, and each a choice of its own; by lot a third of 60 a second would be 4 in flight, of 5.
  const load = { requestsPerSecond: 60, eventsPerRequest: 1, eventBytes: 2000 }
  const fast = await bed.load('fast', load)
  const livez = new LivezProbe(bed.proxy.url, 50)
  context.after(() => livez.stop())
  await bed.cluster.fault(slow, { delayAnswersMs: littleMs })
  await bed.during(settleMs)
  const stretches: (readonly [fromMs: number, toMs: number])[] = []
  for (let turn = 0; turn < 2 * turns; turn += 1) {
    const fromMs = nowMs()
    await bed.during(2000)
    stretches.push([fromMs, nowMs()])
  }
  await bed.cluster.fault(slow, {})
  await livez.stop()
  const metrics = await bed.settle()
  const refused = fast.requests.filter(({ fate }) => fate !== 'accepted')
  assert.deepEqual(refused, [], 'fast traffic was refused')
  const shares: number[] = []
  for (const [fromMs, toMs] of stretches) {
    const probes = livez.answers.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs)
    const waitedMs = quantileMs(probes, 0.9)
    const share = await bed.shareOfBroker('fast', slow, fromMs, toMs)
    const toldBy = waitedMs <= quietLivezMs ? 'told' : 'left out'
    context.diagnostic(`share ${share.toFixed(2)}, /livez ${waitedMs.toFixed(1)} ms: ${toldBy}`)
    if (waitedMs <= quietLivezMs) shares.push(share)
  }
  bed.note('stretches quiet enough to tell', shares.length)
  if (shares.length > 0) {
    const share = spread(shares).median
    bed.note(`share of the broker that is ${littleMs} ms late (a third when it is well)`, share)
    // One batch in 200 ms, then none until it is answered: about a fifteenth.
    assert.ok(share < 0.14, `it got ${share} of the records`)
  }
  await bed.assertNothingLost(metrics, 'fast')
})
