import type { AcknowledgedPlacement } from '../../core/proxy-report.ts'

/** The last report of a proxy; it is live until `reportedAtMs` (monotonic, ours) + `leaseMs`. */
export interface ProxyLease {
  readonly proxy: string
  readonly reportedAtMs: number
  readonly placement?: AcknowledgedPlacement
}

export interface AwaitedPlacement {
  readonly storeId: string
  readonly version: number
  /** Also wait until nothing that was sent under an earlier placement is unanswered. */
  readonly settled: boolean
}

export interface Observation {
  readonly nowMs: number
  readonly leaseMs: number
  /**
   * Since when we have been hearing reports without a gap: our start, or the end of our own last stall. Before a lease's length has
   * passed since then there may be live proxies that we have not heard of.
   */
  readonly hearingSinceMs: number
}

export interface Acknowledgement {
  /** Every live proxy works by that version or a later one; the others' leases have ended, and they must be refused by the topics. */
  readonly complete: boolean
  readonly acknowledged: readonly string[]
  readonly waitingFor: readonly string[]
  /** Behind, and past their lease: they may wake up and write by an old placement. */
  readonly ended: readonly string[]
}

/** How far the proxies are with a placement (semantics "Failover and failback"). Pure. */
export function acknowledgement(
  leases: readonly ProxyLease[],
  wanted: AwaitedPlacement,
  { nowMs, leaseMs, hearingSinceMs }: Observation,
): Acknowledgement {
  const acknowledged: string[] = []
  const waitingFor: string[] = []
  const ended: string[] = []
  for (const { proxy, reportedAtMs, placement } of leases) {
    const version = wanted.settled ? placement?.settledVersion : placement?.version
    const is = placement?.storeId === wanted.storeId && version !== undefined && version >= wanted.version
    if (is) acknowledged.push(proxy)
    // A lease is not over because we did not listen.
    else if (nowMs - Math.max(reportedAtMs, hearingSinceMs) > leaseMs) ended.push(proxy)
    else waitingFor.push(proxy)
  }
  const knowsAll = nowMs - hearingSinceMs > leaseMs
  return { complete: knowsAll && waitingFor.length === 0, acknowledged, waitingFor, ended }
}
