import type { AcknowledgedPlacement } from '../../core/proxy-report.ts'
import type { FollowerRecord } from '../store/records.ts'

/**
 * `live`: it has reported within its lease · `unheard`: an earlier leader knew it, and it may live; its lease began anew when this one
 * began to listen · `ended`: its lease has ended.
 */
export type ProxyState = 'live' | 'unheard' | 'ended'

/** A proxy as `GET /v1/proxies` shows it. */
export interface ProxyView {
  readonly id: string
  readonly state: ProxyState
  readonly instance: string
  /** RFC 3339, UTC: when this start of the proxy was first heard. */
  readonly since: string
  /** Since its last report. */
  readonly reportAgeMs: number
  /** What it acknowledged; absent while it has no placement. */
  readonly placement?: AcknowledgedPlacement
}

/** A proxy as the register keeps it. */
export interface KnownProxy {
  readonly id: string
  readonly instance: string
  since: string
  placement: AcknowledgedPlacement | undefined
  /** Monotonic. */
  reportedAtMs: number
  /** False: known from the store only. */
  isHeard: boolean
  /** What the store has of it, and since when (monotonic). */
  written: { readonly record: FollowerRecord; readonly atMs: number } | undefined
}
