import type { MovePlan } from './plan.ts'
import type { Step } from './step.ts'

/**
 * Standby to home. Producers go first; the standby's topics are sealed before their end offsets are read, so that a proxy which slept
 * through all of it is refused instead of losing events; and nothing is deleted before every record of both clusters is delivered
 * (semantics "Failover and failback").
 */
export function failbackSteps({ batches }: MovePlan): readonly Step[] {
  const all = [...batches.keys()]
  const steps: Step[] = [{ name: 'gate', kind: 'gate', batch: -1, needs: [] }]
  for (const batch of all) {
    steps.push(
      {
        name: `prepare/${batch}`,
        kind: 'prepare',
        batch,
        needs: batch === 0 ? ['gate'] : [`prepare/${batch - 1}`],
      },
      { name: `home-offsets/${batch}`, kind: 'home-offsets', batch, needs: [`prepare/${batch}`] },
      { name: `publish/${batch}`, kind: 'publish', batch, needs: [`home-offsets/${batch}`] },
      { name: `home-drain/${batch}`, kind: 'home-drain', batch, needs: [`home-offsets/${batch}`] },
    )
  }
  const published = all.map((batch) => `publish/${batch}`)
  steps.push({ name: 'acknowledge', kind: 'acknowledge', batch: -1, needs: published })
  for (const batch of all) {
    steps.push(
      { name: `seal/${batch}`, kind: 'seal', batch, needs: ['acknowledge'] },
      { name: `probe/${batch}`, kind: 'probe', batch, needs: [`seal/${batch}`] },
      { name: `end-offsets/${batch}`, kind: 'end-offsets', batch, needs: [`probe/${batch}`] },
      { name: `drain/${batch}`, kind: 'drain', batch, needs: [`end-offsets/${batch}`] },
      {
        name: `release/${batch}`,
        kind: 'release',
        batch,
        needs: [`drain/${batch}`, `home-drain/${batch}`],
      },
      { name: `delete/${batch}`, kind: 'delete', batch, needs: [`release/${batch}`] },
    )
  }
  const deleted = all.map((batch) => `delete/${batch}`)
  steps.push({ name: 'scale-down', kind: 'scale-down', batch: -1, needs: deleted })
  return steps
}

/**
 * Home died again before anything was taken from the standby: back to the standby. A seal or publish that has begun is ended first, so
 * that it cannot come after its own undoing; and a topic is writable before anybody is sent there.
 */
export function reverseSteps(forward: readonly Step[], begun: ReadonlySet<string>): readonly Step[] {
  const kept = forward.filter(({ name, kind }) => begun.has(name) && (kind === 'seal' || kind === 'publish'))
  const steps = kept.map((step) => ({ ...step, needs: [] as readonly string[] }))
  for (const { name, kind, batch } of kept) {
    if (kind === 'seal') steps.push({ name: `unseal/${batch}`, kind: 'unseal', batch, needs: [name] })
    else {
      const needs = begun.has(`seal/${batch}`) ? [name, `unseal/${batch}`] : [name]
      steps.push({ name: `republish/${batch}`, kind: 'republish', batch, needs })
    }
  }
  const republished = steps.filter(({ kind }) => kind === 'republish').map(({ name }) => name)
  if (republished.length > 0)
    steps.push({ name: 'reacknowledge', kind: 'acknowledge', batch: -1, needs: republished })
  return steps
}
