import type { ReportedBroker, ReportedCluster } from '../../core/proxy-report.ts'

/**
 * What several processes report of the same time, as one. Quantiles cannot be added: the largest stands, which is never too good. A
 * broker is open when it is so for everybody who wants a connection to it.
 */
export function sumClusters(reports: Iterable<readonly ReportedCluster[]>): readonly ReportedCluster[] {
  const sums = new Map<string, ReportedCluster>()
  for (const clusters of reports) {
    for (const one of clusters) {
      const sum = sums.get(one.cluster)
      sums.set(one.cluster, sum === undefined ? one : addCluster(sum, one))
    }
  }
  return [...sums.values()]
}

/** Two windows of one process: counts add up; what stands at the end of a window is that of the later one. */
export function joinWindows(
  earlier: readonly ReportedCluster[],
  later: readonly ReportedCluster[],
): readonly ReportedCluster[] {
  const past = earlier.map((cluster) => ({
    ...cluster,
    waiting: 0,
    oldestWaitMs: 0,
    brokers: cluster.brokers.map((broker) => ({ ...broker, open: true, queuedBytes: 0 })),
  }))
  return sumClusters([past, later])
}

function addCluster(a: ReportedCluster, b: ReportedCluster): ReportedCluster {
  const brokers = new Map<number, ReportedBroker>()
  for (const one of [...a.brokers, ...b.brokers]) {
    const sum = brokers.get(one.id)
    brokers.set(one.id, sum === undefined ? one : addBroker(sum, one))
  }
  return {
    cluster: a.cluster,
    acked: a.acked + b.acked,
    failed: a.failed + b.failed,
    dropped: a.dropped + b.dropped,
    waiting: a.waiting + b.waiting,
    oldestWaitMs: Math.max(a.oldestWaitMs, b.oldestWaitMs),
    ...slower(a, b),
    brokers: [...brokers.values()],
  }
}

function addBroker(a: ReportedBroker, b: ReportedBroker): ReportedBroker {
  return {
    id: a.id,
    acked: a.acked + b.acked,
    failed: a.failed + b.failed,
    open: a.open && b.open,
    queuedBytes: a.queuedBytes + b.queuedBytes,
    ...slower(a, b),
  }
}

function slower(a: { readonly p99Ms?: number }, b: { readonly p99Ms?: number }): { readonly p99Ms?: number } {
  if (a.p99Ms === undefined && b.p99Ms === undefined) return {}
  return { p99Ms: Math.max(a.p99Ms ?? 0, b.p99Ms ?? 0) }
}
