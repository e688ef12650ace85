import type { Clock } from '../src/core/clock.ts'
import type { PlacedCluster } from '../src/core/placement.ts'
import { ClusterProducer } from '../src/kafka/cluster-producer.ts'
import { ClusterFetcher } from '../src/kafka/fetcher.ts'
import { GroupCoordinators } from '../src/kafka/group-coordinators.ts'
import type { LaneLimits } from '../src/kafka/lane.ts'
import type { Logger } from '../src/telemetry/logger.ts'

export interface ClustersOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Most bytes of one fetch answer for one partition. */
  readonly fetchMaxBytes: number
}

const clientId = 'forebay-router'
const fetchWaitMs = 500
const requestTimeoutMs = 5_000
const produceLimits: LaneLimits = {
  maxInFlight: 5,
  maxBytes: 16 * 2 ** 20,
  requestTimeoutMs: 10_000,
  stallMs: 1_000,
  leaveOutMs: 3_000,
}
const produceRequestBytes = 4 * 2 ** 20
/** What all routes share towards one cluster that is read. */
export interface SourceCluster {
  readonly fetcher: ClusterFetcher
  readonly coordinators: GroupCoordinators
}

interface Shared extends SourceCluster {
  users: number
}

/**
 * The connections of this router, per cluster. Those to a cluster that is read are made for its first user and closed after its last one: a
 * standby that was scaled down must not be looked for for ever. Those to a target stay until the end.
 */
export class Clusters {
  readonly #options: ClustersOptions
  readonly #sources = new Map<string, Shared>()
  readonly #producers = new Map<string, ClusterProducer>()

  constructor(options: ClustersOptions) {
    this.#options = options
  }

  /** To be given back with `release`. */
  take(cluster: PlacedCluster): SourceCluster {
    const key = clusterKey(cluster)
    let source = this.#sources.get(key)
    if (source === undefined) {
      source = { ...this.#makeSource(cluster), users: 0 }
      this.#sources.set(key, source)
    }
    source.users += 1
    return source
  }

  async release(cluster: PlacedCluster): Promise<void> {
    const key = clusterKey(cluster)
    const source = this.#sources.get(key)
    if (source === undefined) return
    source.users -= 1
    if (source.users > 0) return
    this.#sources.delete(key)
    await close(source)
  }

  producer(cluster: PlacedCluster): ClusterProducer {
    const key = clusterKey(cluster)
    let producer = this.#producers.get(key)
    if (producer === undefined) {
      const { clock, logger } = this.#options
      producer = new ClusterProducer({
        clusterId: cluster.id,
        bootstrap: cluster.bootstrap,
        clientId,
        clock,
        limits: { 1: produceLimits, [-1]: produceLimits },
        requestBytes: produceRequestBytes,
        stickyBytes: produceRequestBytes,
        warn: (detail, message) => logger.warn(detail, message),
      })
      this.#producers.set(key, producer)
    }
    return producer
  }

  /** When no job uses them any more. */
  async close(): Promise<void> {
    for (const source of this.#sources.values()) await close(source)
    for (const producer of this.#producers.values()) await producer.close()
  }

  #makeSource({ id, bootstrap }: PlacedCluster): SourceCluster {
    const { clock, logger, fetchMaxBytes } = this.#options
    const fetcher = new ClusterFetcher({
      clusterId: id,
      bootstrap,
      clientId,
      clock,
      maxWaitMs: fetchWaitMs,
      // An answer is one piece of memory: larger ones cost more time to be taken and given back than they save.
      maxBytes: fetchMaxBytes,
      requestTimeoutMs,
      warn: (detail, message) => logger.warn(detail, message),
    })
    return { fetcher, coordinators: new GroupCoordinators({ bootstrap, clientId, requestTimeoutMs }) }
  }
}

async function close({ fetcher, coordinators }: SourceCluster): Promise<void> {
  await fetcher.close()
  await coordinators.close()
}

/** A cluster whose addresses were changed is another one to us. */
function clusterKey({ id, bootstrap }: PlacedCluster): string {
  return `${id} ${bootstrap.join(',')}`
}
