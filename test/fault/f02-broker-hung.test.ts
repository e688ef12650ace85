import { test } from 'node:test'
import { full } from '../support/fault-bed.ts'
import { assertGoesRound, assertWithinLane, oneBrokerFault } from '../support/fault-one-broker.ts'

test('F02: a broker hangs and wakes up: traffic goes round it, no growth beyond its lane, late answers count for nothing', {
  timeout: 240_000,
}, async (context) => {
  const result = await oneBrokerFault(context, {
    inject: (cluster) => cluster.pause(2),
    end: (cluster) => cluster.resume(2),
    outageMs: full ? 30_000 : 8000,
  })
  const { bed, metrics, injectedMs, injectionEndedMs } = result
  assertGoesRound(result)
  assertWithinLane(result)
  await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs, injectionEndedMs)
  await bed.assertNothingLost(metrics, 'durable')
})
