import assert from 'node:assert/strict'
import { test } from 'node:test'
import { full } from '../support/fault-bed.ts'
import { assertGoesRound, assertWithinLane, oneBrokerFault } from '../support/fault-one-broker.ts'

test('F05: the requests to a broker vanish: traffic goes round it, nothing is lost or doubled', {
  timeout: 240_000,
}, async (context) => {
  const result = await oneBrokerFault(context, {
    inject: (cluster) => cluster.fault(2, { dropRequests: true }),
    end: (cluster) => cluster.fault(2, {}),
    outageMs: full ? 20_000 : 8000,
  })
  const { bed, metrics } = result
  assertGoesRound(result)
  assertWithinLane(result)
  const { duplicates } = await bed.assertNothingLost(metrics, 'fast')
  assert.equal(duplicates, 0, 'the broker never saw what was sent again')
  assert.ok(bed.resent(metrics, 'fast') > 0, 'nothing was dropped')
  await bed.assertNothingLost(metrics, 'durable')
})
