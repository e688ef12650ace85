import { test } from 'node:test'
import { full } from '../support/fault-bed.ts'
import { assertGoesRound, oneBrokerFault } from '../support/fault-one-broker.ts'

test('F01: a broker is killed: traffic goes round it, durable loses nothing, fast what was not replicated', {
  timeout: 240_000,
}, async (context) => {
  const result = await oneBrokerFault(context, {
    inject: (cluster) => cluster.kill(2),
    outageMs: full ? 20_000 : 8000,
  })
  const { bed, metrics, injectedMs, injectionEndedMs } = result
  assertGoesRound(result)
  await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs, injectionEndedMs)
  await bed.assertNothingLost(metrics, 'durable')
})
