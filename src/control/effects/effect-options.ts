import type { ClusterSpec } from '../../core/resources.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Mutex } from '../apply/mutex.ts'
import type { Effect } from '../failover/effect.ts'
import type { Acknowledgement, AwaitedPlacement } from '../failover/leases.ts'
import type { ClusterAdmins } from '../provision/clusters.ts'
import type { ControlStore } from '../store/control-store.ts'
import type { StateFeed } from '../store/state-feed.ts'

/** What the watch's own client finds out when it is asked (src/control/watch/one-off.ts). */
export interface ClusterProbes {
  /** A record through each broker, produced and read back. Rejects with a sentence. */
  throughEachBroker(cluster: ClusterSpec, signal: AbortSignal): Promise<void>
  /** How many partitions of these topics have fewer replicas in sync than replicas; topics that are not there have none. */
  partitionsBehind(cluster: ClusterSpec, topics: Iterable<string>, signal: AbortSignal): Promise<number>
}

export interface HookSettings {
  /** `http(s)://…` is POSTed to, anything else is run by /bin/sh; '' = there is none. */
  readonly scaleUp: string
  readonly scaleDown: string
  readonly timeoutMs: number
}

export interface EffectOptions {
  readonly store: Pick<
    ControlStore,
    'storeId' | 'position' | 'snapshot' | 'commit' | 'pendingDeletions' | 'deleted'
  >
  /** The state in memory, for what may be a moment old: the addresses of clusters and which routes there are. */
  readonly feed: Pick<StateFeed, 'state'>
  readonly admins: ClusterAdmins
  /** `ControlService.commits`. */
  readonly commits: Mutex
  readonly probes: ClusterProbes
  readonly hooks: HookSettings
  /** How far the live proxies are with a placement, now. */
  readonly acknowledgement: (awaited: AwaitedPlacement) => Acknowledgement
  /** Called after each commit, with the new placement version. */
  readonly committed: (version: number) => Promise<void>
  readonly logger: Logger
  /** Told what an effect waits for, as a sentence, whenever that changes. Must not throw. */
  readonly progress?: (effect: Effect, sentence: string) => void
  /** An effect that waits longer than this rejects with what it waits for, and is run again; default 60 s. */
  readonly longestWaitMs?: number
}
