import type { EffectWork } from './effect-work.ts'

const pollMs = 200

/** A record through each broker. A cold standby may just be being woken, so it is tried until it works; a drill tries once. */
export function throughCluster(work: EffectWork, cluster: string): Promise<void> {
  const { probes } = work.options
  return work.until(pollMs, async () => {
    const spec = work.cluster(cluster)
    try {
      await probes.throughEachBroker(spec, work.stopped)
      return { done: undefined }
    } catch (error) {
      work.stopped.throwIfAborted()
      return { waiting: (error as Error).message }
    }
  })
}
