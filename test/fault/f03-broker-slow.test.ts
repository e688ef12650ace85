import assert from 'node:assert/strict'
import { test } from 'node:test'
import { full } from '../support/fault-bed.ts'
import { latencyMs } from '../support/fault-load.ts'
import { assertWithinLane, oneBrokerFault } from '../support/fault-one-broker.ts'

const factor = full ? 1.5 : 3
/** The load comes from the same busy machine: in the short form its own stalls must not decide. */
const quantile = full ? 0.99 : 0.5

for (const delayAnswersMs of [500, 5000]) {
  test(`F03: a broker answers ${delayAnswersMs} ms late: traffic shifts away from it, others do not wait`, {
    timeout: 240_000,
  }, async (context) => {
    const slow = 2
    const result = await oneBrokerFault(context, {
      inject: (cluster) => cluster.fault(slow, { delayAnswersMs }),
      end: (cluster) => cluster.fault(slow, {}),
      outageMs: full ? 20_000 : 8000,
    })
    const { bed, fast, metrics, injectedMs, endedMs } = result
    assertWithinLane(result)
    const share = await bed.shareOfBroker('fast', slow, injectedMs + 1000, endedMs)
    context.diagnostic(
      `share of the slow broker: ${share.toFixed(3)} of the records (a third when it is well)`,
    )
    assert.ok(share < 0.2, `the slow broker still got ${share} of the records`)
    const [before, during] = [
      latencyMs(fast.between(0, injectedMs), quantile),
      latencyMs(fast.between(injectedMs + 1000, endedMs), quantile),
    ]
    context.diagnostic(
      `p${100 * quantile} of the answers: ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms during`,
    )
    assert.ok(during <= before * factor + 50, `p${100 * quantile} ${before} ms before, ${during} ms during`)
    await bed.assertNothingLost(metrics, 'fast')
    await bed.assertNothingLost(metrics, 'durable')
  })
}
