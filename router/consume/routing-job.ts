import type { Clock } from '../../src/core/clock.ts'
import type { RouteSpec } from '../../src/core/placement.ts'
import type { FetchBudget, FetchSubscription, RepositionReason } from '../../src/kafka/fetch-subscription.ts'
import type { ClusterFetcher } from '../../src/kafka/fetcher.ts'
import type { GroupCoordinators } from '../../src/kafka/group-coordinators.ts'
import { GroupMember } from '../../src/kafka/group-member.ts'
import type { LogEnd, LogPosition } from '../../src/kafka/offsets.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import type { Sink, SinkResult } from '../sink/sink.ts'
import { Committer } from './committer.ts'
import { PartitionFlow } from './partition-flow.ts'
import { findStart } from './start-position.ts'

export interface JobEvents {
  onResult(result: SinkResult): void
  /** `records` were moved over: read again (rewritten), or gone from the log before they were read. */
  onReposition(reason: RepositionReason, records: number): void
}

export interface RoutingJobOptions {
  readonly route: RouteSpec
  readonly clusterId: string
  /** Where a partition without a committed offset starts. */
  readonly from: LogEnd
  readonly fetcher: ClusterFetcher
  readonly coordinators: GroupCoordinators
  readonly sink: Sink
  readonly clock: Clock
  readonly logger: Logger
  readonly commitIntervalMs: number
  readonly fetchMaxBytes: number
  readonly sessionTimeoutMs: number
  readonly events: JobEvents
  /** The job cannot go on; it is to be stopped and made anew. */
  readonly onCrash: (error: unknown) => void
}

interface Carried {
  readonly flow: PartitionFlow
  readonly subscription: FetchSubscription
}

/** Of what one job holds in memory, fetched and not delivered. */
const budgetPartitions = 8
const longestHeartbeatMs = 10_000
const rebalanceTimeoutMs = 60_000
/** A revocation must be over before the group stops waiting for it. */
const revokeDeadlineMs = 45_000

/**
 * Carries one route from one cluster: a member of the group `forebay.<route>` there, a flow per partition that it owns, and commits of
 * what the sink has. Which partitions it owns is the group's decision; nothing else is shared with the other jobs but connections.
 */
export class RoutingJob {
  readonly #options: RoutingJobOptions
  readonly #member: GroupMember
  readonly #committer: Committer
  readonly #carried = new Map<number, Carried>()
  /** The latest assignment of each owned partition: what an earlier one looked up is void. */
  readonly #claims = new Map<number, symbol>()
  readonly #budget: FetchBudget
  readonly #stopping = new AbortController()
  #paused: boolean

  constructor(options: RoutingJobOptions) {
    this.#options = options
    const { route, clusterId, fetcher, coordinators, clock, logger, sessionTimeoutMs } = options
    this.#paused = route.state === 'paused'
    this.#budget = { usedBytes: 0, limitBytes: budgetPartitions * options.fetchMaxBytes }
    this.#member = new GroupMember({
      coordinators,
      groupId: `forebay.${route.id}`,
      topic: route.topic,
      times: { sessionTimeoutMs, rebalanceTimeoutMs },
      heartbeatMs: Math.min(longestHeartbeatMs, sessionTimeoutMs / 3),
      clock,
      partitionCount: () => fetcher.partitionCount(route.topic),
      knownPartitionCount: () => fetcher.knownPartitionCount(route.topic),
      warn: (detail, message) => logger.warn({ ...detail, cluster: clusterId }, message),
      listener: {
        onAssigned: (partitions) => this.#onAssigned(partitions),
        onRevoked: (partitions) => this.#onRevoked(partitions),
        onLost: (partitions) => this.#onLost(partitions),
      },
    })
    this.#committer = new Committer({
      intervalMs: options.commitIntervalMs,
      positions: () => this.#positions(this.#carried.keys()),
      flush: () => options.sink.flush(),
      commit: (positions) => this.#member.commit(positions),
      onFlushFailure: (detail) => options.onCrash(new Error(`the sink could not be flushed: ${detail}`)),
    })
  }

  get partitions(): readonly number[] {
    return [...this.#carried.keys()].sort((a, b) => a - b)
  }

  start(): void {
    this.#member.start()
  }

  /** Stops fetching; the membership and what was fetched already go on. */
  setPaused(paused: boolean): void {
    this.#paused = paused
    for (const { subscription } of this.#carried.values()) {
      if (paused) subscription.pause()
      else subscription.resume()
    }
  }

  /** Flushes, commits, and leaves the group. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#member.stop()
    this.#onLost(this.partitions)
    this.#committer.close()
  }

  /** Records that can be read and were not delivered; only what is known by now. */
  lagRecords(): number {
    let lag = 0
    for (const { flow, subscription } of this.#carried.values()) {
      const end = this.#options.fetcher.readableEnd(subscription)
      if (end !== undefined) lag += Math.max(0, end - flow.delivered.offset)
    }
    return lag
  }

  /** Seconds since the latest record that was delivered of a partition that lags; 0 when none does. */
  freshnessSeconds(): number {
    let oldestMs = Number.POSITIVE_INFINITY
    for (const { flow, subscription } of this.#carried.values()) {
      const end = this.#options.fetcher.readableEnd(subscription)
      if (end === undefined || end <= flow.delivered.offset) continue
      oldestMs = Math.min(oldestMs, flow.deliveredTimestampMs ?? flow.startedMs)
    }
    return Math.max(0, (this.#options.clock.wallMs() - oldestMs) / 1000)
  }

  #onAssigned(partitions: ReadonlyMap<number, LogPosition | undefined>): void {
    const { logger, route, clusterId } = this.#options
    logger.info(
      { route: route.id, cluster: clusterId, partitions: [...partitions.keys()] },
      'partitions taken',
    )
    for (const [partition, committed] of partitions) {
      const claim = Symbol()
      this.#claims.set(partition, claim)
      this.#begin(partition, committed, claim).catch((error: unknown) => this.#options.onCrash(error))
    }
  }

  async #begin(partition: number, committed: LogPosition | undefined, claim: symbol): Promise<void> {
    const { fetcher, route, from, logger } = this.#options
    const start =
      committed ??
      (await findStart(() => fetcher.ends(route.topic, [partition], from), partition, {
        wanted: () => !this.#stopping.signal.aborted && this.#claims.get(partition) === claim,
        warn: (error) => logger.warn({ err: error, route: route.id, partition }, 'no start offset yet'),
      }))
    if (start === undefined || this.#claims.get(partition) !== claim) return
    this.#carry(partition, start)
    // A start that was looked up is written down: `latest` would be another one after a restart.
    if (committed === undefined) this.#committer.touch()
  }

  #carry(partition: number, start: LogPosition): void {
    const { fetcher, route, sink, fetchMaxBytes, events, onCrash, clock } = this.#options
    const flow = new PartitionFlow({
      partition,
      start,
      startedMs: clock.wallMs(),
      sink,
      sourcePartitions: () => fetcher.knownPartitionCount(route.topic) ?? 0,
      consumed: (bytes) => subscription.consumed(bytes),
      onResult: (result) => this.#onResult(result),
      onProgress: () => this.#committer.touch(),
      onCrash,
    })
    const subscription = fetcher.subscribe({
      topic: route.topic,
      partition,
      position: start,
      maxBytes: fetchMaxBytes,
      budget: this.#budget,
      handler: {
        onChunk: (chunk) => flow.push(chunk),
        onReposition: (reason, from, to) => {
          this.#report(reason, partition, from, to)
          events.onReposition(reason, Math.abs(to.offset - from))
          flow.reposition(to)
        },
      },
    })
    if (this.#paused) subscription.pause()
    this.#carried.set(partition, { flow, subscription })
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

  #report(reason: RepositionReason, partition: number, from: number, to: LogPosition): void {
    const { logger, route, clusterId } = this.#options
    logger.warn(
      { route: route.id, cluster: clusterId, partition, from, to: to.offset, reason },
      'the position was moved',
    )
  }

  async #onRevoked(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) this.#claims.delete(partition)
    const leaving = partitions.flatMap((partition) => this.#carried.get(partition) ?? [])
    const stopped = Promise.all(
      leaving.map(({ flow, subscription }) => {
        this.#options.fetcher.unsubscribe(subscription)
        return flow.stop()
      }),
    )
    const deadline = Promise.withResolvers<void>()
    const timer = setTimeout(deadline.resolve, revokeDeadlineMs)
    await Promise.race([stopped.then(() => this.#committer.commitNow()), deadline.promise])
    clearTimeout(timer)
    for (const partition of partitions) this.#carried.delete(partition)
  }

  #onLost(partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#claims.delete(partition)
      const carried = this.#carried.get(partition)
      if (carried === undefined) continue
      this.#options.fetcher.unsubscribe(carried.subscription)
      this.#carried.delete(partition)
      // Whatever it still delivers is a duplicate; what it was is over.
      carried.flow.stop().catch(() => undefined)
    }
  }

  #positions(partitions: Iterable<number>): ReadonlyMap<number, LogPosition> {
    const positions = new Map<number, LogPosition>()
    for (const partition of partitions) {
      const carried = this.#carried.get(partition)
      if (carried !== undefined) positions.set(partition, carried.flow.delivered)
    }
    return positions
  }
}
