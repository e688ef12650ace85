import type { AcknowledgedPlacement } from '../../core/proxy-report.ts'
import type { FollowerRecord } from '../store/records.ts'
import type { KnownProxy, ProxyView } from './known-proxy.ts'

/** What the store keeps of a proxy beside the columns that it knows. */
interface KeptReport {
  readonly instance: string
  readonly since: string
  readonly storeId?: string
  readonly settledVersion?: number
}

export interface Clocks {
  /** Monotonic. */
  readonly nowMs: number
  readonly wallMs: number
  readonly leaseMs: number
}

export function writeRecord(
  { id, instance, since, placement, reportedAtMs }: KnownProxy,
  { nowMs, wallMs, leaseMs }: Clocks,
): FollowerRecord {
  const report: KeptReport =
    placement === undefined
      ? { instance, since }
      : { instance, since, storeId: placement.storeId, settledVersion: placement.settledVersion }
  return {
    id,
    role: 'proxy',
    leaseUntilMs: Math.round(wallMs - (nowMs - reportedAtMs) + leaseMs),
    acknowledgedTerm: placement?.leaseTerm ?? 0,
    acknowledgedVersion: placement?.version ?? 0,
    report,
  }
}

/** `undefined` for a follower that is no proxy. A lease that ends in the future by a clock that has gone back is taken as renewed now. */
export function readRecord(
  record: FollowerRecord,
  { nowMs, wallMs, leaseMs }: Clocks,
): KnownProxy | undefined {
  if (record.role !== 'proxy') return undefined
  const { instance, since } = record.report as KeptReport
  const agoMs = Math.max(0, wallMs - (record.leaseUntilMs - leaseMs))
  return {
    id: record.id,
    instance,
    since,
    placement: acknowledgedIn(record),
    reportedAtMs: nowMs - agoMs,
    isHeard: false,
    written: { record, atMs: nowMs - agoMs },
  }
}

/** As a replica shows it that does not lead: as old as the record. */
export function viewRecord(record: FollowerRecord, wallMs: number, leaseMs: number): ProxyView | undefined {
  const known = readRecord(record, { nowMs: wallMs, wallMs, leaseMs })
  if (known === undefined) return undefined
  const { id, instance, since, placement, reportedAtMs } = known
  return {
    id,
    state: wallMs > record.leaseUntilMs ? 'ended' : 'live',
    instance,
    since,
    reportAgeMs: wallMs - reportedAtMs,
    ...(placement === undefined ? {} : { placement }),
  }
}

/** Whether the record says what the proxy says, but for the time. */
export function acknowledgesSame(
  record: FollowerRecord,
  instance: string,
  placement: AcknowledgedPlacement | undefined,
): boolean {
  const kept = acknowledgedIn(record)
  return (
    (record.report as KeptReport).instance === instance &&
    kept?.storeId === placement?.storeId &&
    kept?.leaseTerm === placement?.leaseTerm &&
    kept?.version === placement?.version &&
    kept?.settledVersion === placement?.settledVersion
  )
}

function acknowledgedIn({
  acknowledgedTerm: leaseTerm,
  acknowledgedVersion: version,
  report,
}: FollowerRecord): AcknowledgedPlacement | undefined {
  const { storeId, settledVersion = 0 } = report as KeptReport
  return storeId === undefined ? undefined : { storeId, leaseTerm, version, settledVersion }
}
