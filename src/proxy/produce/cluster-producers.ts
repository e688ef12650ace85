import type { Clock } from '../../core/clock.ts'
import type { DropReason, Ledger } from '../../core/outcome.ts'
import type { PlacementDocument } from '../../core/placement.ts'
import type { ReportedCluster } from '../../core/proxy-report.ts'
import { ClusterProducer } from '../../kafka/cluster-producer.ts'
import type { ClusterState } from '../../kafka/cluster-state.ts'
import type { LaneLimits } from '../../kafka/lane.ts'
import type { OutgoingBatch } from '../../kafka/outgoing-batch.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { SentVersions } from './sent-versions.ts'

export interface ClusterProducersOptions {
  readonly clock: Clock
  readonly ledger: Ledger
  readonly logger: Logger
  /** Deadline of a produce request with acks=1 and with acks=all. */
  readonly requestTimeoutMs: number
  readonly requestTimeoutAllMs: number
  readonly batchBytes: number
}

/** Events that a drain could not deliver. */
export interface Undelivered {
  /** Never sent. */
  readonly unsent: number
  /** Sent, and unanswered: the brokers may have them. */
  readonly unanswered: number
}

const maxInFlight = 5
const laneBytes = 8 * 2 ** 20
const requestBytes = 2 ** 20
const stallMs = 300
const leaveOutMs = 3000

/** One producer per placed cluster; a batch goes to the cluster its topic is placed on at that moment. */
export class ClusterProducers {
  readonly #options: ClusterProducersOptions
  readonly #producers = new Map<string, ClusterProducer>()
  /** Topic → cluster of the latest placement. */
  readonly #placed = new Map<string, string>()
  readonly #versions = new SentVersions()

  constructor(options: ClusterProducersOptions) {
    this.#options = options
  }

  all(): Iterable<readonly [string, ClusterProducer]> {
    return this.#producers
  }

  /** How each cluster stands now. */
  *states(): Iterable<readonly [string, ClusterState]> {
    for (const [cluster, producer] of this.#producers) yield [cluster, producer.state()]
  }

  /** What became of the events on every cluster since the last call; for one reader, because each call begins the next window. */
  reportClusters(): readonly ReportedCluster[] {
    return [...this.#producers.values()].map((producer) => producer.takeReport())
  }

  /**
   * The highest placement version for which no batch that was sent under an earlier one is unanswered; at most the version in use.
   * `undefined` while there is no placement.
   */
  settledVersion(): number | undefined {
    return this.#versions.settled()
  }

  /** Takes a new placement: producers for new clusters, leaders of the placed topics learnt before their first event. */
  place(document: PlacementDocument): void {
    this.#versions.use(document.version)
    this.#placed.clear()
    const topicsOf = new Map<string, string[]>()
    for (const { topic, cluster } of document.placements) {
      this.#placed.set(topic, cluster)
      const topics = topicsOf.get(cluster)
      if (topics === undefined) topicsOf.set(cluster, [topic])
      else topics.push(topic)
    }
    for (const { id, bootstrap } of document.clusters) {
      const topics = topicsOf.get(id)
      if (topics === undefined) continue
      if (!this.#producers.has(id)) this.#producers.set(id, this.#create(id, bootstrap))
      this.#producers.get(id)?.warm(topics)
    }
  }

  submit(batch: OutgoingBatch): void {
    const cluster = this.#placed.get(batch.topic)
    const producer = cluster === undefined ? undefined : this.#producers.get(cluster)
    if (producer !== undefined) producer.submit(batch)
    else {
      batch.settled({
        kind: 'refused',
        code: unknownTopic,
        detail: `${batch.topic} is not placed on any cluster`,
      })
    }
  }

  /** Waits until everything is settled or the deadline (monotonic) has come, then gives up the rest. */
  async drain(deadlineMs: number): Promise<Undelivered> {
    const before = this.#dropped()
    await Promise.all([...this.#producers.values()].map((producer) => producer.drain(deadlineMs)))
    const after = this.#dropped()
    return { unsent: after.unsent - before.unsent, unanswered: after.unanswered - before.unanswered }
  }

  #dropped(): Undelivered {
    const sum = (reason: DropReason) => {
      let events = 0
      for (const counts of this.#options.ledger.topics.values()) events += counts.dropped.get(reason) ?? 0
      return events
    }
    return { unsent: sum('shutdown'), unanswered: sum('ambiguous') }
  }

  #create(clusterId: string, bootstrap: readonly string[]): ClusterProducer {
    const { clock, logger, requestTimeoutMs, requestTimeoutAllMs, batchBytes } = this.#options
    const limits = (timeoutMs: number): LaneLimits => ({
      maxInFlight,
      maxBytes: laneBytes,
      requestTimeoutMs: timeoutMs,
      stallMs,
      leaveOutMs,
    })
    return new ClusterProducer({
      clusterId,
      bootstrap,
      clientId: 'forebay-proxy',
      clock,
      limits: { 1: limits(requestTimeoutMs), [-1]: limits(requestTimeoutAllMs) },
      requestBytes,
      stickyBytes: batchBytes,
      warn: (detail, message) => logger.warn(detail, message),
      moves: {
        doubt: () => undefined,
        moved: () => undefined,
        sent: () => this.#versions.sent(),
        answered: (attempt) => this.#versions.answered(attempt),
      },
    })
  }
}

/** UNKNOWN_TOPIC_OR_PARTITION */
const unknownTopic = 3
