import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { WatchWindow } from '../failover/evidence.ts'
import { ClusterWatch, type WatchedTopics } from './cluster-watch.ts'

export interface WatchedCluster extends WatchedTopics {
  readonly name: string
  readonly bootstrap: readonly string[]
}

export interface WatchesOptions {
  /** Unique to the process. */
  readonly watch: string
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * One watch for each of a changing set of clusters. Only a leader of the control plane should have one: with nothing to watch it holds
 * no connection.
 */
export class Watches {
  readonly #options: WatchesOptions
  readonly #watches = new Map<string, { readonly watch: ClusterWatch; readonly bootstrap: string }>()
  readonly #closing = new Set<Promise<void>>()

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  /** From now on these clusters, with these topics; cheap when nothing has changed. One with another bootstrap list is begun anew. */
  follow(clusters: readonly WatchedCluster[]): void {
    const wanted = new Map(clusters.map((cluster) => [cluster.name, cluster]))
    for (const [name, { watch, bootstrap }] of this.#watches) {
      if (wanted.get(name)?.bootstrap.join() === bootstrap) continue
      this.#watches.delete(name)
      this.#end(watch)
    }
    for (const cluster of clusters) {
      const known = this.#watches.get(cluster.name)
      if (known !== undefined) {
        known.watch.follow(cluster)
        continue
      }
      const watch = new ClusterWatch({ ...cluster, ...this.#options })
      this.#watches.set(cluster.name, { watch, bootstrap: cluster.bootstrap.join() })
    }
  }

  /**
   * What was seen of the cluster since the last call, and begins the next second: to be called once a second for each cluster. It never
   * waits. `undefined`: not watched, or nothing known yet.
   */
  window(cluster: string): WatchWindow | undefined {
    return this.#watches.get(cluster)?.watch.window()
  }

  /** `PlanRequest.rates`; empty when the cluster is not watched. */
  rates(cluster: string): ReadonlyMap<string, number> {
    return this.#watches.get(cluster)?.watch.rates ?? new Map()
  }

  /** Ends at once, also while brokers hang. */
  async close(): Promise<void> {
    this.follow([])
    await Promise.all(this.#closing)
  }

  #end(watch: ClusterWatch): void {
    const ending: Promise<void> = watch.close().finally(() => this.#closing.delete(ending))
    this.#closing.add(ending)
  }
}
