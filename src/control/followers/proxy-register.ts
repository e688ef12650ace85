import type { ProxyReport } from '../../core/proxy-report.ts'
import {
  type Acknowledgement,
  type AwaitedPlacement,
  acknowledgement,
  type ProxyLease,
} from '../failover/leases.ts'
import { type ClusterReports, ReportBook } from '../failover/report-book.ts'
import type { FollowerRecord, RecordChange } from '../store/records.ts'
import { acknowledgesSame, readRecord, writeRecord } from './follower-record.ts'
import type { KnownProxy, ProxyState, ProxyView } from './known-proxy.ts'

export interface ProxyRegisterOptions {
  /** How long a proxy counts as live after a report. */
  readonly leaseMs: number
  /** For what people see and what the store keeps; never for a decision. */
  readonly wallMs: () => number
}

/** Grow only; reports. */
export interface ReportTotals {
  taken: number
  /** Came twice, or after a later one. */
  repeated: number
  /** Of new proxies, when there were too many. */
  refused: number
}

/** Such as `taken`; `full`: there are as many proxies as this process is willing to remember. */
export type TakenReport = 'taken' | 'repeated' | 'full'

/**
 * The proxies as the leader knows them: their reports and leases, and what of them the store should have for the next leader. In
 * memory only; `nowMs` is this process's monotonic clock. Before `begin` and after `end` it knows nobody and never says `complete`.
 */
export class ProxyRegister {
  readonly leaseMs: number
  readonly totals: ReportTotals = { taken: 0, repeated: 0, refused: 0 }
  readonly #wallMs: () => number
  #book: ReportBook
  #known = new Map<string, KnownProxy>()
  /** Names of records that should go from the store. */
  #forgotten = new Set<string>()
  #hearingSinceMs = Number.POSITIVE_INFINITY

  constructor({ leaseMs, wallMs }: ProxyRegisterOptions) {
    this.leaseMs = leaseMs
    this.#wallMs = wallMs
    this.#book = new ReportBook(leaseMs)
  }

  /** We begin to lead, and to hear reports; `followers` are those that the last leader knew. What was known before is forgotten. */
  begin(followers: readonly FollowerRecord[], nowMs: number): void {
    this.end()
    this.#hearingSinceMs = nowMs
    this.remember(followers, nowMs)
  }

  /** Those of an earlier leader; a proxy that has reported since then knows better. */
  remember(followers: readonly FollowerRecord[], nowMs: number): void {
    const wallMs = this.#wallMs()
    for (const record of followers) {
      const stored = readRecord(record, { nowMs, wallMs, leaseMs: this.leaseMs })
      if (stored === undefined) continue
      const known = this.#known.get(stored.id)
      if (known !== undefined) {
        known.written = stored.written
        if (known.instance === stored.instance) known.since = stored.since
        continue
      }
      this.#known.set(stored.id, stored)
      this.#book.remember(leaseOf(stored))
    }
  }

  /** We do not lead any more, and hear nobody. */
  end(): void {
    this.#book = new ReportBook(this.leaseMs)
    this.#known = new Map()
    this.#forgotten = new Set()
    this.#hearingSinceMs = Number.POSITIVE_INFINITY
  }

  /** We stood still until now: nobody's lease has ended because of that. */
  stalled(nowMs: number): void {
    if (this.#hearingSinceMs <= nowMs) this.#hearingSinceMs = nowMs
  }

  hasRoomFor(id: string): boolean {
    return this.#book.hasRoomFor(id)
  }

  take(id: string, report: ProxyReport, nowMs: number): TakenReport {
    const known = this.#known.get(id)
    if (!this.#book.take(id, report, nowMs)) {
      this.totals[known === undefined ? 'refused' : 'repeated'] += 1
      return known === undefined ? 'full' : 'repeated'
    }
    this.totals.taken += 1
    const { instance, placement } = report
    if (known?.instance === instance) {
      known.placement = placement
      known.reportedAtMs = nowMs
      known.isHeard = true
      return 'taken'
    }
    const since = new Date(this.#wallMs()).toISOString()
    const written = known?.written
    this.#known.set(id, { id, instance, since, placement, reportedAtMs: nowMs, isHeard: true, written })
    this.#forgotten.delete(id)
    return 'taken'
  }

  /** For `ClusterSecond`. */
  of(cluster: string, nowMs: number): ClusterReports {
    return this.#book.of(cluster, nowMs)
  }

  /** How far the proxies are with a placement. */
  acknowledgement(awaited: AwaitedPlacement, nowMs: number): Acknowledgement {
    const { leaseMs } = this
    const hearingSinceMs = this.#hearingSinceMs
    return acknowledgement(this.#leases(nowMs), awaited, { nowMs, leaseMs, hearingSinceMs })
  }

  /** By id. */
  list(nowMs: number): readonly ProxyView[] {
    this.#leases(nowMs)
    return [...this.#known.values()]
      .map((known) => this.#view(known, nowMs))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  states(nowMs: number): Readonly<Record<ProxyState, number>> {
    const counts = { live: 0, unheard: 0, ended: 0 }
    for (const known of this.#known.values()) counts[this.#stateOf(known, nowMs)] += 1
    return counts
  }

  /**
   * What the store should be told by now: proxies that are new or acknowledge something else, those whose record is half a lease old,
   * and those that are long gone. Nothing is noted as written; `written` does that.
   */
  due(nowMs: number): readonly RecordChange[] {
    this.#leases(nowMs)
    const clocks = { nowMs, wallMs: this.#wallMs(), leaseMs: this.leaseMs }
    const changes: RecordChange[] = []
    for (const known of this.#known.values()) {
      if (isDue(known, this.leaseMs))
        changes.push({ action: 'follower', follower: writeRecord(known, clocks) })
    }
    for (const id of this.#forgotten) changes.push({ action: 'forgetFollower', role: 'proxy', id })
    return changes
  }

  /** These are committed; `dueMs`: when they were due. */
  written(changes: readonly RecordChange[], dueMs: number): void {
    for (const change of changes) {
      if (change.action === 'forgetFollower') this.#forgotten.delete(change.id)
      if (change.action !== 'follower') continue
      const known = this.#known.get(change.follower.id)
      if (known !== undefined) known.written = { record: change.follower, atMs: dueMs }
    }
  }

  /** The book forgets whoever is long gone; so do we. */
  #leases(nowMs: number): readonly ProxyLease[] {
    const leases = this.#book.leases(nowMs)
    if (leases.length === this.#known.size) return leases
    const remembered = new Set(leases.map(({ proxy }) => proxy))
    for (const [id, known] of this.#known) {
      if (remembered.has(id)) continue
      this.#known.delete(id)
      if (known.written !== undefined) this.#forgotten.add(id)
    }
    return leases
  }

  #view(known: KnownProxy, nowMs: number): ProxyView {
    const { id, instance, since, placement, reportedAtMs } = known
    return {
      id,
      state: this.#stateOf(known, nowMs),
      instance,
      since,
      reportAgeMs: Math.round(nowMs - reportedAtMs),
      ...(placement === undefined ? {} : { placement }),
    }
  }

  #stateOf({ reportedAtMs, isHeard }: KnownProxy, nowMs: number): ProxyState {
    if (nowMs - Math.max(reportedAtMs, this.#hearingSinceMs) > this.leaseMs) return 'ended'
    return isHeard ? 'live' : 'unheard'
  }
}

function isDue({ written, placement, reportedAtMs, instance }: KnownProxy, leaseMs: number): boolean {
  if (written === undefined) return true
  if (!acknowledgesSame(written.record, instance, placement)) return true
  return reportedAtMs - written.atMs >= leaseMs / 2
}

function leaseOf({ id, reportedAtMs, placement }: KnownProxy): ProxyLease {
  return { proxy: id, reportedAtMs, ...(placement === undefined ? {} : { placement }) }
}
