import type { Clock } from '../../src/core/clock.ts'
import { groupIdOf, type RouteSpec } from '../../src/core/placement.ts'
import type { ClusterFetcher } from '../../src/kafka/fetcher.ts'
import type { GroupCoordinators } from '../../src/kafka/group-coordinators.ts'
import { GroupMember } from '../../src/kafka/group-member.ts'
import type { CommittedPosition } from '../../src/kafka/group-offsets.ts'
import type { LogEnd } from '../../src/kafka/offsets.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import type { Sink, SinkResult } from '../sink/sink.ts'
import { Committer } from './committer.ts'
import type { DrainGate } from './drain-gate.ts'
import { type JobLag, type JobState, judgeState, sumLags } from './job-status.ts'
import { type PartitionMove, PartitionReader, type ReaderContext } from './partition-reader.ts'
import type { Memory } from './start-position.ts'

export interface JobEvents {
  onResult(result: SinkResult): void
  /** `records` were moved over: read and rewritten, or gone from the log before they were read. */
  onReposition(reason: PartitionMove['reason'], records: number): void
}

export interface RoutingJobOptions {
  readonly route: RouteSpec
  readonly clusterId: string
  /** Of the topic, by the placement: while the cluster does not say. */
  readonly partitions: number
  /** Producers write elsewhere by now: what is left is read. */
  readonly draining: boolean
  /** Where a partition without a committed offset starts. */
  readonly from: LogEnd
  readonly fetcher: ClusterFetcher
  readonly coordinators: GroupCoordinators
  readonly sink: Sink
  readonly gate: DrainGate | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly commitIntervalMs: number
  readonly fetchMaxBytes: number
  readonly sessionTimeoutMs: number
  readonly events: JobEvents
  /** The job cannot go on; it is to be stopped and made anew. */
  readonly onCrash: (error: unknown) => void
}

/** What the placement may change while the job runs. */
export interface JobUpdate {
  readonly paused: boolean
  readonly draining: boolean
  /** Of the job, where the placement still asks for it. */
  readonly gated: boolean
}

/** Of what one job holds in memory, fetched and not delivered. */
const budgetPartitions = 8
const longestHeartbeatMs = 10_000
const rebalanceTimeoutMs = 60_000
/** A revocation must be over before the group stops waiting for it. */
const revokeDeadlineMs = 45_000

/**
 * Carries one route from one cluster: a member of the group `forebay.<route>` there, a reader per partition that it owns, and commits of
 * what the sink has. Which partitions it owns is the group's decision; nothing else is shared with the other jobs but connections. While
 * the cluster does not answer it waits, and costs nothing.
 */
export class RoutingJob {
  readonly #options: RoutingJobOptions
  readonly #member: GroupMember
  readonly #committer: Committer
  readonly #context: ReaderContext
  readonly #readers = new Map<number, PartitionReader>()
  /** Of partitions that were read before. */
  readonly #memories = new Map<number, Memory>()
  #paused: boolean
  #draining: boolean
  /** Of the topic where it was last seen. */
  #partitionCount: number

  constructor(options: RoutingJobOptions) {
    this.#options = options
    this.#paused = options.route.state === 'paused'
    this.#draining = options.draining
    this.#partitionCount = options.partitions
    this.#context = this.#makeContext()
    this.#member = this.#makeMember()
    this.#committer = new Committer({
      intervalMs: options.commitIntervalMs,
      positions: () => this.#positions(),
      flush: () => options.sink.flush(),
      commit: (positions) => this.#member.commit(positions),
      hopeless: () => options.fetcher.reach.away,
      onFlushFailure: (detail) => options.onCrash(new Error(`the sink could not be flushed: ${detail}`)),
    })
  }

  get partitions(): readonly number[] {
    return [...this.#readers.keys()].sort((a, b) => a - b)
  }

  start(): void {
    this.#member.start()
  }

  update({ paused, draining, gated }: JobUpdate): void {
    this.#draining = draining
    if (!gated) this.#options.gate?.open()
    if (this.#paused === paused) return
    // Fetching stops; the membership and what was fetched already go on.
    this.#paused = paused
    for (const reader of this.#readers.values()) reader.setPaused(paused)
  }

  /** Flushes, commits, and leaves the group. Never rejects. */
  async stop(): Promise<void> {
    await this.#member.stop()
    this.#onLost(this.partitions)
    this.#options.gate?.open()
    this.#committer.close()
  }

  /** Everything before it is with the sink; `undefined` while this job does not read the partition. */
  delivered(partition: number): CommittedPosition | undefined {
    return this.#readers.get(partition)?.delivered
  }

  /** Only what is known by now; of a cluster that is away, what was known before it went. */
  lag(): JobLag {
    const lags = [...this.#readers.values()].map((reader) => reader.lag())
    if (this.#options.fetcher.reach.away) {
      for (const [partition, { lag }] of this.#memories) if (!this.#readers.has(partition)) lags.push(lag)
    }
    return sumLags(lags, this.#options.clock.wallMs())
  }

  state(): JobState {
    const { fetcher, route, gate } = this.#options
    const readers = [...this.#readers.values()]
    return judgeState({
      paused: this.#paused,
      draining: this.#draining,
      away: fetcher.reach.away,
      topicKnown: fetcher.knownTopic(route.topic) !== undefined,
      gated: gate?.holdsBack === true,
      owned: readers.length,
      reading: readers.filter(({ reading }) => reading).length,
    })
  }

  #makeMember(): GroupMember {
    const { route, clusterId, fetcher, coordinators, clock, logger, sessionTimeoutMs } = this.#options
    return new GroupMember({
      coordinators,
      groupId: groupIdOf(route.id),
      topic: route.topic,
      times: { sessionTimeoutMs, rebalanceTimeoutMs },
      heartbeatMs: Math.min(longestHeartbeatMs, sessionTimeoutMs / 3),
      clock,
      reach: fetcher.reach,
      // Before the topic is there its partitions are known from the placement, so that reading can begin the moment it is.
      partitionCount: async () => this.#countPartitions(),
      knownPartitionCount: () => this.#countPartitions(),
      warn: (detail, message) => logger.warn({ ...detail, cluster: clusterId }, message),
      listener: {
        onAssigned: (partitions) => this.#onAssigned(partitions),
        onRevoked: (partitions) => this.#onRevoked(partitions),
        onLost: (partitions) => this.#onLost(partitions),
      },
    })
  }

  #makeContext(): ReaderContext {
    const { route, clusterId, from, fetcher, sink, gate, clock, logger, fetchMaxBytes, onCrash } =
      this.#options
    return {
      topic: route.topic,
      from,
      fetcher,
      sink,
      clock,
      fetchMaxBytes,
      budget: { usedBytes: 0, limitBytes: budgetPartitions * fetchMaxBytes },
      sourcePartitions: () => this.#countPartitions(),
      paused: () => this.#paused,
      admit: (partition) => gate?.admit(partition),
      onResult: (result) => this.#onResult(result),
      onReposition: (move) => this.#onMove(move),
      onProgress: () => this.#committer.touch(),
      onCrash,
      onTrouble: (error, partition) =>
        logger.warn({ err: error, route: route.id, cluster: clusterId, partition }, 'no start offset yet'),
    }
  }

  #countPartitions(): number {
    const { fetcher, route } = this.#options
    this.#partitionCount = fetcher.knownTopic(route.topic)?.partitions.length ?? this.#partitionCount
    return this.#partitionCount
  }

  #onAssigned(partitions: ReadonlyMap<number, CommittedPosition | undefined>): void {
    const { logger, route, clusterId } = this.#options
    logger.info(
      { route: route.id, cluster: clusterId, partitions: [...partitions.keys()] },
      'partitions taken',
    )
    for (const [partition, committed] of partitions) {
      const reader = new PartitionReader(this.#context, partition)
      this.#readers.set(partition, reader)
      reader.start(committed, this.#memories.get(partition))
    }
  }

  #onResult(result: SinkResult): void {
    this.#options.events.onResult(result)
    if (result.kind === 'taken') return
    const { logger, route, clusterId } = this.#options
    logger.warn(
      { route: route.id, cluster: clusterId, detail: result.detail },
      'the sink refuses; trying again',
    )
  }

  #onMove(move: PartitionMove): void {
    const { logger, route, clusterId, events } = this.#options
    logger.warn({ route: route.id, cluster: clusterId, ...move }, 'the position was moved')
    events.onReposition(move.reason, move.records)
  }

  async #onRevoked(partitions: readonly number[]): Promise<void> {
    const leaving = partitions.flatMap((partition) => this.#readers.get(partition) ?? [])
    const stopped = Promise.all(leaving.map((reader) => reader.stop()))
    const deadline = Promise.withResolvers<void>()
    const timer = setTimeout(deadline.resolve, revokeDeadlineMs)
    await Promise.race([stopped.then(() => this.#committer.commitNow()), deadline.promise])
    clearTimeout(timer)
    for (const reader of leaving) this.#leave(reader)
  }

  #onLost(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const reader = this.#readers.get(partition)
      if (reader === undefined) continue
      // Whatever it still delivers is a duplicate; what it was is over.
      reader.stop().catch(() => undefined)
      this.#leave(reader)
    }
  }

  #leave(reader: PartitionReader): void {
    const memory = reader.remember()
    if (memory !== undefined) this.#memories.set(reader.partition, memory)
    if (this.#readers.get(reader.partition) === reader) this.#readers.delete(reader.partition)
  }

  #positions(): ReadonlyMap<number, CommittedPosition> {
    const positions = new Map<number, CommittedPosition>()
    for (const [partition, { committable }] of this.#readers) {
      if (committable !== undefined) positions.set(partition, committable)
    }
    return positions
  }
}
