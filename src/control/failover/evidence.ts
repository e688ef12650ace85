import type { ReportedCluster } from '../../core/proxy-report.ts'

/**
 * What is known of one cluster after one second. Two kinds of evidence that share no code and no path: what the proxies say became of
 * their events, and what the control plane's own watch saw (rules "Failover").
 */
export interface ClusterSecond {
  /** End of the window by this process's monotonic clock. */
  readonly atMs: number
  /** The wall clock at that moment, only to see that it jumped. */
  readonly wallMs: number
  /** Absent when the watch has nothing for this second; that is never bad news about the cluster. */
  readonly watch?: WatchWindow
  /** Reports that came within this second, at most one a proxy: the last. */
  readonly reports: readonly ProxyVoice[]
  /** Proxies whose lease has not ended, whether or not they reported in this second. */
  readonly liveProxies: number
}

export interface ProxyVoice {
  readonly proxy: string
  /** `ProxyReport.windowMs`. */
  readonly windowMs: number
  readonly window: ReportedCluster
}

/** One second of `src/control/watch/`: made with kafkajs, over connections of its own. */
export interface WatchWindow {
  /** Every broker that the cluster is known to have, the dead ones too; so it does not shrink when metadata does. */
  readonly brokers: readonly WatchedBroker[]
  /** Absent when no broker gave metadata. */
  readonly partitions?: WatchedPartitions
  /** DescribeQuorum within 2 s; `not-asked` when none of its answers was due in this second. Metadata cannot say this. */
  readonly quorum: 'answered' | 'silent' | 'not-asked'
}

export interface WatchedBroker {
  readonly id: number
  /** To a request of its own, within 1 s: `refused` is a closed port, `silent` no answer in time. */
  readonly answer: 'answered' | 'refused' | 'silent'
  readonly canary: CanaryCounts
}

/** Records of the canary partition pinned on one broker whose fate was decided in this second (rules "Canary"). */
export interface CanaryCounts {
  /** Acknowledged, and read back in time. */
  readonly ok: number
  /** Not acknowledged, or not read back in time. */
  readonly failed: number
  /** Acknowledged, and missing by index. */
  readonly lost: number
  /** Read more than once. */
  readonly duplicated: number
  /** Slowest of the window; absent when there was none. */
  readonly produceMs?: number
  readonly consumeMs?: number
}

/** Of the placed topics; the canary's own partitions are left out, because one dead broker takes its own along. */
export interface WatchedPartitions {
  readonly known: number
  readonly withoutLeader: number
  /** In-sync replicas fewer than replicas. */
  readonly underReplicated: number
  /** Whose end offset, and whose routes' committed offset, has grown since the last sample. */
  readonly endMoved: number
  readonly committedMoved: number
}
