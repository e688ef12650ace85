import type { Clock } from '../core/clock.ts'
import { GroupCalls, type GroupCallsOptions, type Joined, type Membership } from './group-calls.ts'
import { errorCodeOf, type GroupVerdict, judgeGroupError } from './group-errors.ts'
import type { LogPosition } from './offsets.ts'

export interface GroupListener {
  /** Reads from these partitions from now on. The value is the committed position; `undefined` = there is none. Must not throw. */
  onAssigned(partitions: ReadonlyMap<number, LogPosition | undefined>): void
  /**
   * Stops reading, delivers what it has, and commits it: awaited before the group is told that the partitions are free. Must be done
   * within the rebalance timeout, or the group takes all partitions away. Must not reject.
   */
  onRevoked(partitions: readonly number[]): Promise<void>
  /** They are another's already: stops at once and commits nothing. Must not throw. */
  onLost(partitions: readonly number[]): void
}

export interface GroupMemberOptions extends GroupCallsOptions {
  readonly clock: Clock
  readonly heartbeatMs: number
  readonly listener: GroupListener
  /** As the latest metadata say: when it changes, the member that assigns calls for a rebalance. */
  readonly knownPartitionCount: () => number | undefined
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
}

/** `later`: the group is between two generations or the coordinator is away; `not-owned`: nothing of it is ours any more. */
export type CommitOutcome = 'committed' | 'later' | 'not-owned'

const firstBackOffMs = 200
const longestBackOffMs = 10_000
const unknownMemberId = 25
const nobody: Membership = { memberId: '', generation: -1 }

/**
 * One member of one route's consumer group on one cluster: joins, keeps its place with heartbeats, gives partitions up cooperatively
 * (KIP-429), and commits only as the member that it is, only for what it owns (semantics "Router"). Never gives up by itself.
 */
export class GroupMember {
  readonly #options: GroupMemberOptions
  readonly #calls: GroupCalls
  readonly #owned = new Set<number>()
  readonly #stopping = new AbortController()
  #membership = nobody
  #isLeader = false
  #assignedCount = 0
  #heartbeats: NodeJS.Timeout | undefined
  #lastHeartbeatMs = 0
  #beating = false
  #joining = false
  #failures = 0
  #running: Promise<void> = Promise.resolve()
  /** Resolves the wait of a member that has its place. */
  #disturb: (() => void) | undefined
  #disturbed = false

  constructor(options: GroupMemberOptions) {
    this.#options = options
    this.#calls = new GroupCalls(options)
  }

  get owned(): ReadonlySet<number> {
    return this.#owned
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Hands over: revokes everything (which flushes and commits) and leaves the group. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#disturb?.()
    await this.#running
    if (this.#owned.size > 0) await this.#options.listener.onRevoked([...this.#owned])
    this.#owned.clear()
    clearInterval(this.#heartbeats)
    if (this.#membership.memberId === '') return
    try {
      await this.#calls.leave(this.#membership)
    } catch (error) {
      // The session timeout does the same, later.
      this.#warn(error, 'a group could not be left')
    }
    this.#membership = nobody
  }

  /** Commits what of `positions` is owned. Never rejects: a commit that failed may be repeated with newer positions. */
  async commit(positions: ReadonlyMap<number, LogPosition>): Promise<CommitOutcome> {
    const mine = new Map([...positions].filter(([partition]) => this.#owned.has(partition)))
    if (mine.size === 0) return 'not-owned'
    const membership = this.#membership
    try {
      await this.#calls.commit(membership, mine)
      return 'committed'
    } catch (error) {
      // Between two generations the old one is refused, and the new one keeps most of what was owned.
      if (this.#joining || membership !== this.#membership) return 'later'
      const verdict = this.#judge(error, 'offsets could not be committed')
      return verdict === 'lost' ? 'not-owned' : 'later'
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#joinOnce()
        this.#failures = 0
      } catch (error) {
        if (signal.aborted) return
        const verdict = this.#judge(error, 'a group could not be joined')
        if (verdict !== 'rebalance') await this.#backOff()
      }
    }
  }

  /** Returns when it is time to join again. */
  async #joinOnce(): Promise<void> {
    const { assigned, isLeader, ...membership } = await this.#join()
    this.#membership = membership
    this.#isLeader = isLeader
    this.#assignedCount = this.#options.knownPartitionCount() ?? 0
    this.#startHeartbeats()
    const given = new Set(assigned)
    const revoked = [...this.#owned].filter((partition) => !given.has(partition))
    if (revoked.length > 0) {
      await this.#options.listener.onRevoked(revoked)
      for (const partition of revoked) this.#owned.delete(partition)
      // Joining again without them is what tells the group that they are free.
    }
    const added = assigned.filter((partition) => !this.#owned.has(partition))
    if (added.length > 0) await this.#take(added, membership)
    if (revoked.length > 0) return
    await this.#untilDisturbed()
  }

  async #join(): Promise<Joined> {
    this.#disturbed = false
    this.#joining = true
    try {
      return await this.#calls.join(this.#membership, [...this.#owned], this.#stopping.signal)
    } finally {
      this.#joining = false
    }
  }

  async #take(added: readonly number[], membership: Membership): Promise<void> {
    const committed = await this.#committed(added)
    // Lost meanwhile, or going down: somebody else starts there.
    if (committed === undefined || this.#membership !== membership) return
    for (const partition of added) this.#owned.add(partition)
    this.#options.listener.onAssigned(
      new Map(added.map((partition) => [partition, committed.get(partition)])),
    )
  }

  async #committed(partitions: readonly number[]) {
    while (!this.#stopping.signal.aborted && !this.#disturbed) {
      try {
        return await this.#calls.committed(partitions)
      } catch (error) {
        const verdict = this.#judge(error, 'committed offsets could not be read')
        if (verdict === 'lost') return undefined
        await this.#backOff()
      }
    }
    return undefined
  }

  #startHeartbeats(): void {
    this.#lastHeartbeatMs = this.#options.clock.monotonicMs()
    this.#heartbeats ??= setInterval(() => void this.#beat(), this.#options.heartbeatMs)
  }

  async #beat(): Promise<void> {
    const { clock, times, knownPartitionCount } = this.#options
    // The coordinator keeps the place of a member that waits in JoinGroup.
    if (this.#membership.generation < 0 || this.#beating || this.#joining) return
    this.#beating = true
    const membership = this.#membership
    try {
      await this.#calls.heartbeat(membership)
      this.#lastHeartbeatMs = clock.monotonicMs()
      const count = knownPartitionCount()
      if (this.#isLeader && count !== undefined && count !== this.#assignedCount) this.#rejoin()
    } catch (error) {
      // An answer to what this member was before says nothing about what it is now.
      if (membership !== this.#membership || this.#joining) return
      this.#judge(error, 'a heartbeat failed')
      // A coordinator that was silent for a whole session has given the partitions away.
      if (clock.monotonicMs() - this.#lastHeartbeatMs > times.sessionTimeoutMs) this.#lose(false)
    } finally {
      this.#beating = false
    }
  }

  /** Acts on what an error says about this member, and says it back. */
  #judge(error: unknown, message: string): GroupVerdict {
    const verdict = judgeGroupError(error)
    if (verdict === 'coordinator') this.#options.coordinators.forget(this.#options.groupId)
    if (verdict === 'rebalance') this.#rejoin()
    if (verdict === 'lost') this.#lose(errorCodeOf(error) === unknownMemberId)
    if (verdict !== 'rebalance') this.#warn(error, message)
    return verdict
  }

  #rejoin(): void {
    this.#disturbed = true
    this.#disturb?.()
  }

  /** A member whose id the coordinator still knows keeps it: under a new one it would leave a ghost that the others wait for. */
  #lose(memberIdToo: boolean): void {
    const lost = [...this.#owned]
    this.#owned.clear()
    this.#membership = memberIdToo ? nobody : { ...nobody, memberId: this.#membership.memberId }
    if (lost.length > 0) this.#options.listener.onLost(lost)
    this.#rejoin()
  }

  async #untilDisturbed(): Promise<void> {
    if (this.#disturbed || this.#stopping.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#disturb = resolve
    await promise
    this.#disturb = undefined
  }

  async #backOff(): Promise<void> {
    const longestMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(this.#failures, 10))
    this.#failures += 1
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, longestMs * (0.5 + Math.random() / 2))
    const stop = () => resolve()
    this.#stopping.signal.addEventListener('abort', stop)
    await promise
    this.#stopping.signal.removeEventListener('abort', stop)
    clearTimeout(timer)
  }

  #warn(error: unknown, message: string): void {
    if (this.#stopping.signal.aborted) return
    const { groupId, warn } = this.#options
    warn({ group: groupId, err: error }, message)
  }
}
