import { Counter, Gauge, type Registry } from 'prom-client'
import type { Check } from '../telemetry/health.ts'
import type { PlacementCounts } from './keeper.ts'
import type { PlacementWatcher } from './watcher.ts'

/**
 * The readiness check of a process that follows a placement: not ready with `no-placement` until there is one. An old one does not make
 * it unready (semantics "Placement").
 */
export function placementCheck(watcher: PlacementWatcher): Check {
  const { current, ageMs } = watcher
  if (current === undefined) return { problem: 'no-placement' }
  const { storeId, leaseTerm, version } = current
  const confirmedSecondsAgo = Number.isFinite(ageMs) ? Math.round(ageMs / 1000) : null
  return { detail: { storeId, leaseTerm, version, confirmedSecondsAgo } }
}

const refusals: readonly (readonly [reason: string, count: keyof PlacementCounts])[] = [
  ['older', 'refusedOlder'],
  ['contradictory', 'refusedContradictory'],
  ['unknown-store', 'refusedUnknownStore'],
  ['rubbish', 'refusedRubbish'],
]

/** Registers the metrics of a follower; they are read from the watcher at each scrape. */
export function registerPlacementMetrics(registry: Registry, watcher: PlacementWatcher): void {
  new Gauge({
    name: 'forebay_placement_version',
    help: 'Version of the placement document in use; 0 while there is none.',
    registers: [registry],
    collect() {
      this.set(watcher.current?.version ?? 0)
    },
  })
  registerFollowing(registry, watcher)
}

/** The same without the version in use, for a process that tells it in another way. */
export function registerFollowing(
  registry: Registry,
  watcher: Pick<PlacementWatcher, 'ageMs' | 'counts'>,
): void {
  const registers = [registry]
  new Gauge({
    name: 'forebay_placement_age_seconds',
    help: 'Seconds since the control plane last confirmed the placement in use; +Inf when it never did.',
    registers,
    collect() {
      this.set(watcher.ageMs / 1000)
    },
  })
  new Counter({
    name: 'forebay_placement_refused_total',
    help: 'Answers of the control plane that were not taken.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, count] of refusals) this.inc({ reason }, watcher.counts[count])
    },
  })
}
