import assert from 'node:assert/strict'
import { test } from 'node:test'
import { full } from '../support/fault-bed.ts'
import { brokerIds } from '../support/fault-brokers.ts'
import { assertGoesRound, oneBrokerFault } from '../support/fault-one-broker.ts'

test('F06: every 20th answer of every broker is a reset: the proxy reconnects, and nothing is lost', {
  timeout: 240_000,
}, async (context) => {
  const result = await oneBrokerFault(context, {
    inject: async (cluster) => {
      for (const id of brokerIds) await cluster.fault(id, { resetEveryAnswers: 20 })
    },
    end: async (cluster) => {
      for (const id of brokerIds) await cluster.fault(id, {})
    },
    outageMs: full ? 20_000 : 8000,
  })
  const { bed, metrics } = result
  assertGoesRound(result)
  await bed.assertNothingLost(metrics, 'fast')
  await bed.assertNothingLost(metrics, 'durable')
  assert.ok(bed.resent(metrics, 'fast') > 0, 'no reset hit a produce answer')
})
