/** Ids of proxies: what may stand in the path of a report and in a label. The control plane refuses others. */
export const proxyIdPattern = /^[A-Za-z0-9._-]{1,200}$/

/**
 * What a proxy tells the control plane once a second, `POST /v1/proxies/{id}/report`: what became of its events on each cluster, and
 * which placement it works by. The report is also the proxy's lease (semantics "Failover and failback"). About 400 bytes of JSON a
 * cluster, so that hundreds of proxies are cheap; a process with workers sends one, with their sums.
 */
export interface ProxyReport {
  /** Made anew at each start of the proxy, so that a restart is not taken for a report that came twice. */
  readonly instance: string
  /** 1, 2, 3, … within the instance. One that is not larger than the last is not taken. */
  readonly sequence: number
  /** Length of the window by the proxy's monotonic clock. Far more than 1000: the proxy itself stood still, and its numbers prove nothing. */
  readonly windowMs: number
  /** Absent while it has none. */
  readonly placement?: AcknowledgedPlacement
  /** Every cluster that it has a producer for, those with nothing to send too. */
  readonly clusters: readonly ReportedCluster[]
}

export interface AcknowledgedPlacement {
  readonly storeId: string
  readonly leaseTerm: number
  /** In use: every batch sealed or queued from now on goes where this version says. */
  readonly version: number
  /** The highest version for which no batch that was sent under an earlier one is unanswered. At most `version`. */
  readonly settledVersion: number
}

/** One cluster in one window. Counts are events unless said otherwise. */
export interface ReportedCluster {
  readonly cluster: string
  readonly acked: number
  /** Of attempts that ended without an acknowledgement: refused, timed out, connection lost. Sent again, they may count again. */
  readonly failed: number
  /** Given up for good. */
  readonly dropped: number
  /** Queued or unanswered at the end of the window. */
  readonly waiting: number
  /** Age of the oldest of them, since it was handed to the producer; 0 when none waits. */
  readonly oldestWaitMs: number
  /** From sending to acknowledgement; absent when nothing was acknowledged. */
  readonly p99Ms?: number
  readonly brokers: readonly ReportedBroker[]
}

export interface ReportedBroker {
  readonly id: number
  readonly acked: number
  readonly failed: number
  /** False: a connection is wanted and there is none. An idle broker that needs no connection is `true`. */
  readonly open: boolean
  readonly queuedBytes: number
  readonly p99Ms?: number
}

/** The control plane's answer to a report. */
export interface ProxyReportAnswer {
  /** The proxy counts as live for so long after a report. */
  readonly leaseMs: number
  /** Placement version of the last commit: a proxy that is behind asks for it at once. */
  readonly version: number
}
