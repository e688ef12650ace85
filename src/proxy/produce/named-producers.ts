import type { PlacementDocument } from '../../core/placement.ts'
import type { ClusterProducer } from '../../kafka/cluster-producer.ts'
import type { Acks } from '../../kafka/outgoing-batch.ts'
import { ProduceStats } from '../../kafka/produce-stats.ts'

export interface NewProducer {
  readonly clusterId: string
  readonly bootstrap: readonly string[]
  readonly stats: ProduceStats
}

interface Named {
  readonly producer: ClusterProducer
  bootstrap: readonly string[]
}

/**
 * A producer for each cluster that a placement names: where a topic is, where it may go, and where it was. Those where no topic is yet are
 * connected all the same, so that a switch costs no handshake (rules "Failover").
 */
export class NamedProducers {
  readonly #create: (options: NewProducer) => ClusterProducer
  readonly #producers = new Map<string, Named>()
  /** Counters outlive producers: they must not go backwards. */
  readonly #stats = new Map<string, ProduceStats>()
  #names: ReadonlyMap<string, ReadonlySet<Acks>> = new Map()

  constructor(create: (options: NewProducer) => ClusterProducer) {
    this.#create = create
  }

  get(cluster: string): ClusterProducer | undefined {
    return this.#producers.get(cluster)?.producer
  }

  *entries(): Iterable<readonly [string, ClusterProducer]> {
    for (const [cluster, { producer }] of this.#producers) yield [cluster, producer]
  }

  stats(): Iterable<readonly [string, ProduceStats]> {
    return this.#stats
  }

  /** Makes what is missing. Call `closeOthers` when the topics have moved. */
  use(document: PlacementDocument): void {
    this.#names = namesOf(document)
    for (const { id, bootstrap } of document.clusters) {
      const warmAcks = this.#names.get(id)
      if (warmAcks === undefined) continue
      let named = this.#producers.get(id)
      if (named === undefined) {
        named = { producer: this.#create({ clusterId: id, bootstrap, stats: this.#statsOf(id) }), bootstrap }
        this.#producers.set(id, named)
      } else if (named.bootstrap.join() !== bootstrap.join()) {
        named.producer.reach(bootstrap)
        named.bootstrap = bootstrap
      }
      named.producer.keepConnected(warmAcks)
    }
  }

  /** Closes those of clusters that are not named any more, each when nothing is unsettled there. */
  closeOthers(): void {
    for (const [cluster, { producer }] of this.#producers) {
      if (!this.#names.has(cluster)) producer.account.onIdle(() => setImmediate(() => this.#close(cluster)))
    }
  }

  #close(cluster: string): void {
    const producer = this.get(cluster)
    if (producer === undefined || this.#names.has(cluster) || producer.unsettled > 0) return
    producer.close()
    this.#producers.delete(cluster)
  }

  #statsOf(cluster: string): ProduceStats {
    let stats = this.#stats.get(cluster)
    if (stats === undefined) {
      stats = new ProduceStats()
      this.#stats.set(cluster, stats)
    }
    return stats
  }
}

/** The classes that a cluster is to be connected for: none where topics are, whose first batches make the connections. */
function namesOf(document: PlacementDocument): ReadonlyMap<string, ReadonlySet<Acks>> {
  const names = new Map<string, Set<Acks>>()
  const ofCluster = (cluster: string) => {
    let acks = names.get(cluster)
    if (acks === undefined) {
      acks = new Set()
      names.set(cluster, acks)
    }
    return acks
  }
  for (const { cluster, standby, holders, delivery } of document.placements) {
    ofCluster(cluster)
    const acks = delivery === 'durable' ? -1 : 1
    if (standby !== undefined && standby !== cluster) ofCluster(standby).add(acks)
    for (const holder of holders) if (holder !== cluster) ofCluster(holder).add(acks)
  }
  return names
}
