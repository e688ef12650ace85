import assert from 'node:assert/strict'
import { test } from 'node:test'
import { full } from '../support/fault-bed.ts'
import { assertGoesRound, oneBrokerFault } from '../support/fault-one-broker.ts'

test('F04: the answers of a broker vanish: batches are ambiguous, counted as resent, and none is lost', {
  timeout: 240_000,
}, async (context) => {
  const result = await oneBrokerFault(context, {
    inject: (cluster) => cluster.fault(2, { dropAnswers: true }),
    end: (cluster) => cluster.fault(2, {}),
    outageMs: full ? 20_000 : 8000,
    // Unkeyed traffic stays on a partition for the length of a batch: small ones, so that it comes by the broker for sure.
    proxyArgs: ['--batch', '4KiB'],
  })
  const { bed, metrics } = result
  assertGoesRound(result)
  const { duplicates } = await bed.assertNothingLost(metrics, 'fast')
  assert.ok(
    duplicates > 0,
    'the broker got what it did not answer: a test that sees no duplicate dropped nothing',
  )
  await bed.assertNothingLost(metrics, 'durable')
})
