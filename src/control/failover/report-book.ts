import type { AcknowledgedPlacement, ProxyReport } from '../../core/proxy-report.ts'
import type { ProxyVoice } from './evidence.ts'
import type { ProxyLease } from './leases.ts'

/** What the reports of a second come to, for one cluster. */
export interface ClusterReports {
  readonly reports: readonly ProxyVoice[]
  readonly liveProxies: number
}

interface Entry {
  readonly report: ProxyReport | undefined
  readonly placement: AcknowledgedPlacement | undefined
  readonly takenAtMs: number
}

/**
 * A report comes every second, a little early or late. Counting each only in the second in which it came would make a proxy seem silent
 * every now and then, so that the fast path would begin anew; so the last one speaks for a second if it is no older than this.
 */
const voiceMs = 1500
/** For how many leases a proxy that is gone is still named as one that may wake up. */
const rememberedLeases = 60
const maxProxies = 10_000

/** The last report of each proxy. All times are this process's monotonic clock; nothing here waits or reads a clock. */
export class ReportBook {
  readonly #entries = new Map<string, Entry>()
  readonly #leaseMs: number

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs
  }

  /** Whether a report of this proxy is heard: there are bounds to how many are remembered. */
  hasRoomFor(proxy: string): boolean {
    return this.#entries.has(proxy) || this.#entries.size < maxProxies
  }

  /** False: it came twice or late, or there are too many proxies, and was not taken. */
  take(proxy: string, report: ProxyReport, nowMs: number): boolean {
    const known = this.#entries.get(proxy)
    const last = known?.report
    if (last?.instance === report.instance && report.sequence <= last.sequence) return false
    if (!this.hasRoomFor(proxy)) return false
    this.#entries.set(proxy, { report, placement: report.placement, takenAtMs: nowMs })
    return true
  }

  /** A proxy that an earlier leader knew: it has a lease, and no voice until it reports. */
  remember({ proxy, reportedAtMs, placement }: ProxyLease): void {
    if (this.#entries.has(proxy)) return
    this.#entries.set(proxy, { report: undefined, placement, takenAtMs: reportedAtMs })
  }

  /** For `ClusterSecond`. A proxy that does not speak of the cluster has no producer there, and nothing to say of it. */
  of(cluster: string, nowMs: number): ClusterReports {
    const reports: ProxyVoice[] = []
    let liveProxies = 0
    for (const [proxy, { report, takenAtMs }] of this.#entries) {
      const agoMs = nowMs - takenAtMs
      if (agoMs > this.#leaseMs) continue
      const window = report?.clusters.find((candidate) => candidate.cluster === cluster)
      if (report === undefined || window === undefined) continue
      liveProxies += 1
      if (agoMs <= voiceMs) reports.push({ proxy, windowMs: report.windowMs, window })
    }
    return { reports, liveProxies }
  }

  /** For `acknowledgement`; forgets those that are long gone. */
  leases(nowMs: number): readonly ProxyLease[] {
    const leases: ProxyLease[] = []
    for (const [proxy, { placement, takenAtMs }] of this.#entries) {
      if (nowMs - takenAtMs > rememberedLeases * this.#leaseMs) this.#entries.delete(proxy)
      else leases.push({ proxy, reportedAtMs: takenAtMs, ...(placement === undefined ? {} : { placement }) })
    }
    return leases
  }
}
