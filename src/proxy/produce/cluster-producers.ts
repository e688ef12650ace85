import type { Clock } from '../../core/clock.ts'
import type { DropReason, Ledger } from '../../core/outcome.ts'
import type { PlacementDocument } from '../../core/placement.ts'
import type { ReportedCluster } from '../../core/proxy-report.ts'
import { ClusterProducer } from '../../kafka/cluster-producer.ts'
import type { ClusterState } from '../../kafka/cluster-state.ts'
import type { LaneLimits } from '../../kafka/lane.ts'
import type { OutgoingBatch } from '../../kafka/outgoing-batch.ts'
import type { ProduceStats } from '../../kafka/produce-stats.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { NamedProducers, type NewProducer } from './named-producers.ts'
import { PlacementDoubts } from './placement-doubts.ts'
import { SentVersions } from './sent-versions.ts'

export interface ClusterProducersOptions {
  readonly clock: Clock
  readonly ledger: Ledger
  readonly logger: Logger
  /** Deadline of a produce request with acks=1 and with acks=all. */
  readonly requestTimeoutMs: number
  readonly requestTimeoutAllMs: number
  readonly batchBytes: number
  /**
   * Resolves when the control plane has confirmed or replaced the placement by an answer to a question asked after the call; rejects when
   * it cannot be reached. Without it every refusal is final at once.
   */
  readonly confirmPlacement?: () => Promise<void>
  /** What is to be different of a lane. */
  readonly lane?: Partial<LaneLimits>
  /** Least time between two questions for metadata of a cluster. */
  readonly metadataIntervalMs?: number
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

/**
 * One producer per cluster that a placement names; a batch goes to the cluster its topic is placed on at that moment. A new placement
 * moves topics between two batches: what is queued goes at once, what is unanswered stays until it is answered or its deadline has come.
 */
export class ClusterProducers {
  readonly #options: ClusterProducersOptions
  readonly #producers: NamedProducers
  /** Topic → cluster of the latest placement. */
  readonly #placed = new Map<string, string>()
  /** Topics that are placed nowhere any more, and the cluster that their last batches go to. */
  readonly #left = new Map<string, string>()
  readonly #versions = new SentVersions()
  readonly #doubts: PlacementDoubts | undefined

  constructor(options: ClusterProducersOptions) {
    this.#options = options
    this.#producers = new NamedProducers((producer) => this.#create(producer))
    const { clock, logger, confirmPlacement } = options
    if (confirmPlacement === undefined) return
    this.#doubts = new PlacementDoubts({
      clock,
      confirm: confirmPlacement,
      onConfirmed: (topic, askedMs) => this.#onConfirmed(topic, askedMs),
      onUnconfirmed: (error) =>
        logger.warn(
          { err: error },
          'brokers have no place for a topic, and nobody confirms where it is: its batches wait',
        ),
    })
  }

  all(): Iterable<readonly [string, ClusterProducer]> {
    return this.#producers.entries()
  }

  /** Of every cluster that there was a producer for. */
  stats(): Iterable<readonly [string, ProduceStats]> {
    return this.#producers.stats()
  }

  /** How each cluster stands now. */
  *states(): Iterable<readonly [string, ClusterState]> {
    for (const [cluster, producer] of this.all()) yield [cluster, producer.state()]
  }

  /** What became of the events on every cluster since the last call; for one reader, because each call begins the next window. */
  reportClusters(): readonly ReportedCluster[] {
    return Array.from(this.all(), ([, producer]) => producer.takeReport())
  }

  /**
   * The highest placement version for which no batch that was sent under an earlier one is unanswered; at most the version in use.
   * `undefined` while there is no placement.
   */
  settledVersion(): number | undefined {
    return this.#versions.settled()
  }

  /**
   * Takes a new placement, in one turn: when it returns, everything that was not in flight is queued where the document says. Costs
   * something only for topics whose cluster changed, beside one look at each.
   */
  place(document: PlacementDocument): void {
    const { clock, logger } = this.#options
    const startedMs = clock.monotonicMs()
    this.#versions.use(document.version)
    this.#producers.use(document)
    const arrived = new Map<string, string[]>()
    let moved = 0
    for (const { topic, cluster } of document.placements) {
      const before = this.#placed.get(topic)
      if (before === cluster) continue
      this.#placed.set(topic, cluster)
      this.#move(topic, before ?? this.#left.get(topic), cluster)
      this.#left.delete(topic)
      if (before !== undefined) moved += 1
      const topics = arrived.get(cluster)
      if (topics === undefined) arrived.set(cluster, [topic])
      else topics.push(topic)
    }
    for (const [cluster, topics] of arrived) this.#producers.get(cluster)?.warm(topics)
    if (this.#placed.size > document.placements.length) this.#leave(document)
    this.#forgetLeft()
    this.#producers.closeOthers()
    if (moved === 0) return
    const tookMs = Math.round(clock.monotonicMs() - startedMs)
    logger.info({ version: document.version, topics: moved, tookMs }, 'topics moved to other clusters')
  }

  submit(batch: OutgoingBatch): void {
    const cluster = this.#placed.get(batch.topic)
    const producer = cluster === undefined ? undefined : this.#producers.get(cluster)
    if (producer !== undefined) producer.submit(batch)
    else batch.settled({ kind: 'refused', code: unknownTopic, detail: notPlaced(batch.topic) })
  }

  /** Waits until everything is settled or the deadline (monotonic) has come, then gives up the rest. */
  async drain(deadlineMs: number): Promise<Undelivered> {
    const before = this.#dropped()
    const producers = () => Array.from(this.all(), ([, producer]) => producer)
    // Again, because what is in flight on one cluster may become another's.
    while (producers().some(({ unsettled }) => unsettled > 0)) {
      await Promise.all(producers().map((producer) => producer.idle(deadlineMs)))
      if (this.#options.clock.monotonicMs() >= deadlineMs) break
    }
    this.#doubts?.close()
    for (const producer of producers()) producer.close()
    const after = this.#dropped()
    return { unsent: after.unsent - before.unsent, unanswered: after.unanswered - before.unanswered }
  }

  #move(topic: string, from: string | undefined, to: string): void {
    if (from === undefined || from === to) return
    const queue = this.#producers.get(from)?.release(topic)
    if (queue !== undefined) this.#producers.get(to)?.adopt(queue)
  }

  /** Topics that the document does not place any more: their last batches are tried where they were. */
  #leave(document: PlacementDocument): void {
    const topics = new Set(document.placements.map(({ topic }) => topic))
    for (const [topic, cluster] of this.#placed) {
      if (topics.has(topic)) continue
      this.#placed.delete(topic)
      this.#left.set(topic, cluster)
    }
  }

  #forgetLeft(): void {
    for (const [topic, cluster] of this.#left) {
      const producer = this.#producers.get(cluster)
      if (producer?.isIdle(topic) === false) continue
      producer?.release(topic)
      this.#left.delete(topic)
    }
  }

  #onConfirmed(topic: string, askedMs: number): void {
    const placed = this.#placed.get(topic)
    const cluster = placed ?? this.#left.get(topic)
    const producer = cluster === undefined ? undefined : this.#producers.get(cluster)
    if (placed === undefined) producer?.abandon(topic, unknownTopic, notPlaced(topic))
    else producer?.confirmed(topic, askedMs)
  }

  #dropped(): Undelivered {
    const sum = (reason: DropReason) => {
      let events = 0
      for (const counts of this.#options.ledger.topics.values()) events += counts.dropped.get(reason) ?? 0
      return events
    }
    return { unsent: sum('shutdown'), unanswered: sum('ambiguous') }
  }

  #create(producer: NewProducer): ClusterProducer {
    const { clock, logger, ledger, requestTimeoutMs, requestTimeoutAllMs, batchBytes } = this.#options
    const limits = (timeoutMs: number): LaneLimits => ({
      maxInFlight,
      maxBytes: laneBytes,
      requestTimeoutMs: timeoutMs,
      stallMs,
      leaveOutMs,
      ...this.#options.lane,
    })
    const doubts = this.#doubts
    const { metadataIntervalMs } = this.#options
    return new ClusterProducer({
      ...producer,
      ...(metadataIntervalMs === undefined ? {} : { minIntervalMs: metadataIntervalMs }),
      clientId: 'forebay-proxy',
      clock,
      limits: { 1: limits(requestTimeoutMs), [-1]: limits(requestTimeoutAllMs) },
      requestBytes,
      stickyBytes: batchBytes,
      warn: (detail, message) => logger.warn(detail, message),
      ...(doubts === undefined ? {} : { doubt: (topic) => doubts.add(topic) }),
      attempts: this.#versions,
      moved: (topic, events) => ledger.move(ledger.topic(topic), events),
    })
  }
}

/** UNKNOWN_TOPIC_OR_PARTITION */
const unknownTopic = 3

function notPlaced(topic: string): string {
  return `${topic} is not placed on any cluster`
}
