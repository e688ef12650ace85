import type { Clock } from '../../core/clock.ts'
import { groupIdOf } from '../../core/placement.ts'
import type { ClusterSpec } from '../../core/resources.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { WatchWindow } from '../failover/evidence.ts'
import type { StandbyFacts } from '../failover/plan.ts'
import type { StateFeed } from '../store/state-feed.ts'
import { facts } from '../watch/one-off.ts'
import type { WatchedCluster, Watches } from '../watch/watches.ts'
import type { Watch } from './senses.ts'

export interface ClusterSensesOptions {
  readonly watches: Watches
  readonly feed: Pick<StateFeed, 'state' | 'placements'>
  readonly clock: Clock
  readonly logger: Logger
}

interface Asked {
  readonly value: StandbyFacts | undefined
  readonly atMs: number
}

/** How often a standby is asked what it is. */
const factsIntervalMs = 3000
/** An answer that is older says nothing of now. */
const factsLifeMs = 10_000

/**
 * The watch of every fronting and standby cluster, as the loop asks for it. Standbys are watched too: their canaries say that they could
 * take over, and their rates which topics come home first. Nothing is watched before the first `watch`, nor after `rest`.
 */
export class ClusterSenses implements Watch {
  readonly #options: ClusterSensesOptions
  #windows: ReadonlyMap<string, WatchWindow> = new Map()
  readonly #facts = new Map<string, Asked>()
  readonly #asking = new Map<string, AbortController>()
  #seen: { placements: unknown; clusters: string; watched: readonly WatchedCluster[] } = {
    placements: undefined,
    clusters: '',
    watched: [],
  }

  constructor(options: ClusterSensesOptions) {
    this.#options = options
  }

  watch(clusters: readonly ClusterSpec[]): void {
    const { watches } = this.#options
    watches.follow(this.#watched(clusters))
    const windows = new Map<string, WatchWindow>()
    for (const { name } of clusters) {
      const window = watches.window(name)
      if (window !== undefined) windows.set(name, window)
    }
    this.#windows = windows
    for (const cluster of clusters) if (cluster.role === 'standby') this.#ask(cluster)
  }

  window(cluster: string): WatchWindow | undefined {
    return this.#windows.get(cluster)
  }

  rates(cluster: string): ReadonlyMap<string, number> {
    return this.#options.watches.rates(cluster)
  }

  facts(cluster: string): StandbyFacts | undefined {
    const asked = this.#facts.get(cluster)
    if (asked === undefined || this.#options.clock.monotonicMs() - asked.atMs > factsLifeMs) return undefined
    return asked.value
  }

  /** This replica does not lead any more: no connection is held. */
  rest(): void {
    this.#options.watches.follow([])
    this.#windows = new Map()
    this.#facts.clear()
    for (const asking of this.#asking.values()) asking.abort()
  }

  #watched(clusters: readonly ClusterSpec[]): readonly WatchedCluster[] {
    const { feed } = this.#options
    const key = JSON.stringify(clusters.map(({ name, bootstrap }) => [name, bootstrap]))
    if (this.#seen.placements === feed.placements && this.#seen.clusters === key) return this.#seen.watched
    const watched = watchedClusters(clusters, feed)
    this.#seen = { placements: feed.placements, clusters: key, watched }
    return watched
  }

  /** One question at a time for each cluster; the answer is there for a later second. */
  #ask(cluster: ClusterSpec): void {
    const { clock, logger } = this.#options
    const { name } = cluster
    const last = this.#facts.get(name)
    if (this.#asking.has(name) || (last !== undefined && clock.monotonicMs() - last.atMs < factsIntervalMs))
      return
    const stopped = new AbortController()
    this.#asking.set(name, stopped)
    facts(cluster, stopped.signal)
      .then((value) => {
        if (!stopped.signal.aborted) this.#facts.set(name, { value, atMs: clock.monotonicMs() })
      })
      .catch((error: unknown) => {
        if (stopped.signal.aborted) return
        logger.debug({ err: error, cluster: name }, 'the standby did not say what it is')
        this.#facts.set(name, { value: undefined, atMs: clock.monotonicMs() })
      })
      .finally(() => this.#asking.delete(name))
  }
}

/** Topics are watched on every cluster that holds them, and the routes that read them there. */
function watchedClusters(
  clusters: readonly ClusterSpec[],
  { state, placements }: Pick<StateFeed, 'state' | 'placements'>,
): readonly WatchedCluster[] {
  const groups = new Map([...state.Route.values()].map(({ spec }) => [groupIdOf(spec.name), spec.topic]))
  return clusters.map(({ name, bootstrap }) => {
    const topics = new Set(
      placements.filter(({ holders }) => holders.includes(name)).map(({ topic }) => topic),
    )
    return {
      name,
      bootstrap,
      topics,
      groups: new Map([...groups].filter(([, topic]) => topics.has(topic))),
    }
  })
}
