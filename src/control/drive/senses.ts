import type { ClusterSpec } from '../../core/resources.ts'
import type { WatchWindow } from '../failover/evidence.ts'
import type { StandbyFacts } from '../failover/plan.ts'
import type { ClusterReports } from '../failover/report-book.ts'

/** What the loop needs of our own watch. */
export interface Watch {
  /** Called once a second, with the clusters to be watched from now on: a second has ended. */
  watch(clusters: readonly ClusterSpec[]): void
  /** What was seen in the second that ended with the last `watch`; `undefined` when there is nothing of that second. */
  window(cluster: string): WatchWindow | undefined
  /** Records a second by topic, as last sampled. */
  rates(cluster: string): ReadonlyMap<string, number>
  /** `undefined`: it does not answer. */
  facts(cluster: string): StandbyFacts | undefined
}

/** What the loop needs of the proxies' reports. */
export interface ProxyRegister {
  of(cluster: string, nowMs: number): ClusterReports
  /** We stood still: what we did not hear meanwhile proves nothing. */
  stalled(nowMs: number): void
}
