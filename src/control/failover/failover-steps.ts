import type { MovePlan } from './plan.ts'
import type { Step } from './step.ts'

/**
 * Cluster to standby. The batches are made one after the other, so that the busiest have their leaders first; each is published as soon
 * as it has them, while the next is made (semantics "Failover and failback"). The hook runs beside all of it.
 */
export function failoverSteps({ batches }: MovePlan): readonly Step[] {
  const steps: Step[] = [
    { name: 'scale-up', kind: 'scale-up', batch: -1, needs: [] },
    { name: 'canary-before', kind: 'canary', batch: -1, needs: [] },
  ]
  for (const batch of batches.keys()) {
    steps.push(
      { name: `create/${batch}`, kind: 'create', batch, needs: batch === 0 ? [] : [`lead/${batch - 1}`] },
      { name: `lead/${batch}`, kind: 'lead', batch, needs: [`create/${batch}`] },
      { name: `publish/${batch}`, kind: 'publish', batch, needs: [`lead/${batch}`, 'canary-before'] },
      { name: `acknowledge/${batch}`, kind: 'acknowledge', batch, needs: [`publish/${batch}`] },
    )
  }
  const acknowledged = [...batches.keys()].map((batch) => `acknowledge/${batch}`)
  steps.push({ name: 'canary-after', kind: 'canary', batch: -1, needs: acknowledged })
  return steps
}

/**
 * Takes back a failover that has published nothing. A creation that has begun is ended first: only then are the ids known by which alone
 * topics are deleted, and nothing can be made behind our back afterwards.
 */
export function cancelSteps(forward: readonly Step[], begun: ReadonlySet<string>): readonly Step[] {
  const kept = forward.filter(
    ({ name, kind }) => begun.has(name) && (kind === 'create' || kind === 'scale-up'),
  )
  const steps = kept.map((step) => ({ ...step, needs: [] as readonly string[] }))
  for (const { name, kind, batch } of kept) {
    if (kind === 'create')
      steps.push({ name: `undo-create/${batch}`, kind: 'undo-create', batch, needs: [name] })
  }
  const undone = steps.filter(({ kind }) => kind === 'undo-create').map(({ name }) => name)
  if (begun.has('scale-up'))
    steps.push({ name: 'undo-scale-up', kind: 'scale-down', batch: -1, needs: ['scale-up', ...undone] })
  return steps
}
