import type { Clock } from '../../core/clock.ts'
import type { AcknowledgedPlacement, ReportedCluster } from '../../core/proxy-report.ts'
import { joinWindows, sumClusters } from '../report/sum.ts'
import type { ReportWindow } from '../report/window.ts'

interface Entry {
  placement: AcknowledgedPlacement | undefined
  heardAtMs: number
  /** What it has said since the last window of the whole; `undefined` = nothing. */
  pending: { readonly windowMs: number; readonly clusters: readonly ReportedCluster[] } | undefined
  isDead: boolean
}

/**
 * The report of a proxy with workers: the sums of what they say, and the least of what they acknowledge. One that is silent or dead holds
 * the acknowledgement where it was; for a lease after its last word if it is dead, as the control plane would wait for a proxy that died.
 */
export class WholeReport<Worker extends object> {
  readonly #clock: Clock
  readonly #entries = new Map<Worker, Entry>()
  #beganAtMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#beganAtMs = clock.monotonicMs()
  }

  /** A worker that is being started, and what it was started with. */
  begin(worker: Worker, placement: AcknowledgedPlacement | undefined): void {
    const heardAtMs = this.#clock.monotonicMs()
    this.#entries.set(worker, { placement, heardAtMs, pending: undefined, isDead: false })
  }

  /** Also of windows that come late. */
  take(worker: Worker, { windowMs, placement, clusters }: ReportWindow): void {
    const entry = this.#entries.get(worker)
    if (entry === undefined) return
    entry.placement = placement
    entry.heardAtMs = this.#clock.monotonicMs()
    const { pending } = entry
    entry.pending =
      pending === undefined
        ? { windowMs, clusters }
        : { windowMs: pending.windowMs + windowMs, clusters: joinWindows(pending.clusters, clusters) }
  }

  end(worker: Worker): void {
    const entry = this.#entries.get(worker)
    if (entry === undefined) return
    entry.isDead = true
    entry.heardAtMs = this.#clock.monotonicMs()
  }

  /**
   * The next window. `undefined` while a worker that has been silent for a lease works by an older placement than the others: it must
   * not be vouched for, and the control plane must not wait for it for ever, so the proxy's lease ends.
   */
  window(leaseMs: number): ReportWindow | undefined {
    const nowMs = this.#clock.monotonicMs()
    for (const [worker, { isDead, heardAtMs }] of this.#entries) {
      if (isDead && nowMs - heardAtMs > leaseMs) this.#entries.delete(worker)
    }
    const entries = [...this.#entries.values()]
    if (entries.some((entry) => nowMs - entry.heardAtMs > leaseMs && isBehind(entry, entries)))
      return undefined
    const said = entries.flatMap(({ pending }) => pending ?? [])
    for (const entry of entries) entry.pending = undefined
    // A window that holds what a worker did in a longer time is as long, so that nobody takes it for a second's work.
    const windowMs = Math.max(nowMs - this.#beganAtMs, ...said.map((window) => window.windowMs))
    this.#beganAtMs = nowMs
    const placement = least(entries.map((entry) => entry.placement))
    const clusters = sumClusters(said.map((window) => window.clusters))
    return { windowMs, clusters, ...(placement === undefined ? {} : { placement }) }
  }
}

function isBehind({ placement }: Entry, entries: readonly Entry[]): boolean {
  const version = placement?.version ?? 0
  return entries.some((other) => (other.placement?.version ?? 0) > version)
}

/** What all of them acknowledge; `undefined` when one has nothing to acknowledge, or follows another store. */
function least(
  placements: readonly (AcknowledgedPlacement | undefined)[],
): AcknowledgedPlacement | undefined {
  const [first] = placements
  if (first === undefined) return undefined
  let { leaseTerm, version, settledVersion } = first
  for (const placement of placements) {
    if (placement?.storeId !== first.storeId) return undefined
    leaseTerm = Math.min(leaseTerm, placement.leaseTerm)
    version = Math.min(version, placement.version)
    settledVersion = Math.min(settledVersion, placement.settledVersion)
  }
  return { storeId: first.storeId, leaseTerm, version, settledVersion }
}
