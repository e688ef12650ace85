import type { EffectBody } from '../failover/effect.ts'
import type { StepResult } from '../failover/operation.ts'
import type { EffectWork } from './effect-work.ts'

const pollMs = 100
/** Names in a sentence. */
const namedProxies = 5

/** Until every live proxy works by the placement; a drill says how far they are with the present one. */
export function awaitAcknowledged(
  work: EffectWork,
  { version, settled }: Extract<EffectBody, { kind: 'await-acknowledged' }>,
): Promise<StepResult> {
  const { store, acknowledgement } = work.options
  return work.until(pollMs, async () => {
    const { complete, acknowledged, waitingFor, ended } = acknowledgement({
      storeId: store.storeId,
      version,
      settled,
    })
    if (complete || work.dryRun)
      return { done: { kind: 'proxies', acknowledged: acknowledged.length, ended } }
    if (waitingFor.length === 0)
      return { waiting: 'proxies that nobody has heard of yet may be alive: waiting for one lease' }
    const names = waitingFor.slice(0, namedProxies).join(', ')
    const more = waitingFor.length > namedProxies ? ' and others' : ''
    const what = settled ? 'to settle what was sent before placement' : 'to take placement'
    return { waiting: `waiting for ${waitingFor.length} proxies ${what} ${version}: ${names}${more}` }
  })
}
