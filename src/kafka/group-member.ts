import type { Clock } from '../core/clock.ts'
import type { ClusterReach } from './cluster-reach.ts'
import { GroupCalls, type GroupCallsOptions, type Joined, type Membership } from './group-calls.ts'
import { errorCodeOf, type GroupVerdict, judgeGroupError } from './group-errors.ts'
import type { CommittedPosition } from './group-offsets.ts'
import { type GroupCall, GroupPatience } from './group-patience.ts'

export interface GroupListener {
  /** Reads from these partitions from now on. The value is the committed position; `undefined` = there is none. Must not throw. */
  onAssigned(partitions: ReadonlyMap<number, CommittedPosition | undefined>): void
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
  /** While the cluster is away nothing is asked of it. */
  readonly reach?: ClusterReach
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
}

/**
 * `later`: the group is between two generations or the coordinator is away; `not-owned`: nothing of it is ours any more; `gone`: the topic
 * is not there, and the offsets went with it.
 */
export type CommitOutcome = 'committed' | 'later' | 'not-owned' | 'gone'

const complaints: Readonly<Record<GroupCall, string>> = {
  join: 'a group could not be joined',
  heartbeat: 'a heartbeat failed',
  commit: 'offsets could not be committed',
  read: 'committed offsets could not be read',
}
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
  readonly #patience: GroupPatience
  #membership = nobody
  #isLeader = false
  #assignedCount = 0
  #heartbeats: NodeJS.Timeout | undefined
  #lastHeartbeatMs = 0
  #beating = false
  #joining = false
  #running: Promise<void> = Promise.resolve()
  /** Resolves the wait of a member that has its place. */
  #disturb: (() => void) | undefined
  #disturbed = false
  /** Ends a JoinGroup that a cluster which went away will never answer. */
  #leaveJoin: (() => void) | undefined
  readonly #stopListening: (() => void) | undefined

  constructor(options: GroupMemberOptions) {
    this.#options = options
    this.#calls = new GroupCalls(options)
    this.#patience = new GroupPatience(this.#stopping.signal, options.reach)
    this.#stopListening = options.reach?.onChange(() => this.#onReach())
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
    this.#stopListening?.()
    if (this.#membership.memberId === '' || this.#away) return
    try {
      await this.#calls.leave(this.#membership)
    } catch (error) {
      // The session timeout does the same, later.
      this.#options.warn({ group: this.#options.groupId, err: error }, 'a group could not be left')
    }
    this.#membership = nobody
  }

  /** Commits what of `positions` is owned. Never rejects: a commit that failed may be repeated with newer positions. */
  async commit(positions: ReadonlyMap<number, CommittedPosition>): Promise<CommitOutcome> {
    const mine = new Map([...positions].filter(([partition]) => this.#owned.has(partition)))
    if (mine.size === 0) return 'not-owned'
    if (this.#away) return 'later'
    const membership = this.#membership
    try {
      await this.#calls.commit(membership, mine)
      this.#patience.succeeded('commit')
      return 'committed'
    } catch (error) {
      // Between two generations the old one is refused, and the new one keeps most of what was owned.
      if (this.#joining || membership !== this.#membership) return 'later'
      const verdict = this.#judge(error, 'commit')
      if (verdict === 'gone') return 'gone'
      return verdict === 'lost' ? 'not-owned' : 'later'
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#options.reach?.untilBack(signal)
        await this.#joinOnce()
      } catch (error) {
        if (signal.aborted) return
        const verdict = this.#judge(error, 'join')
        if (verdict !== 'rebalance') await this.#patience.wait()
      }
    }
  }

  /** Returns when it is time to join again. */
  async #joinOnce(): Promise<void> {
    const { assigned, isLeader, ...membership } = await this.#join()
    this.#patience.succeeded('join')
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
    const leaving = new AbortController()
    this.#leaveJoin = () => leaving.abort()
    try {
      const signal = AbortSignal.any([this.#stopping.signal, leaving.signal])
      return await this.#calls.join(this.#membership, [...this.#owned], signal)
    } finally {
      this.#joining = false
      this.#leaveJoin = undefined
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
        const verdict = this.#judge(error, 'read')
        if (verdict === 'lost') return undefined
        await this.#patience.wait()
      }
    }
    return undefined
  }

  #startHeartbeats(): void {
    this.#lastHeartbeatMs = this.#options.clock.monotonicMs()
    this.#heartbeats ??= setInterval(() => void this.#beat(), this.#options.heartbeatMs)
  }

  async #beat(): Promise<void> {
    const { clock, knownPartitionCount } = this.#options
    // The coordinator keeps the place of a member that waits in JoinGroup.
    if (this.#membership.generation < 0 || this.#beating || this.#joining) return
    if (this.#away) {
      this.#loseAfterSession()
      return
    }
    this.#beating = true
    const membership = this.#membership
    try {
      await this.#calls.heartbeat(membership)
      this.#patience.succeeded('heartbeat')
      this.#lastHeartbeatMs = clock.monotonicMs()
      const count = knownPartitionCount()
      if (this.#isLeader && count !== undefined && count !== this.#assignedCount) this.#rejoin()
    } catch (error) {
      // An answer to what this member was before says nothing about what it is now.
      if (membership !== this.#membership || this.#joining) return
      this.#judge(error, 'heartbeat')
      this.#loseAfterSession()
    } finally {
      this.#beating = false
    }
  }

  /** A coordinator that was silent for a whole session has given the partitions away. */
  #loseAfterSession(): void {
    const { clock, times } = this.#options
    if (this.#owned.size === 0) return
    if (clock.monotonicMs() - this.#lastHeartbeatMs > times.sessionTimeoutMs) this.#lose(false)
  }

  get #away(): boolean {
    return this.#options.reach?.away === true
  }

  /** What the coordinator still knows of this member is worth more than what waits for the next heartbeat. */
  #onReach(): void {
    if (this.#away) this.#leaveJoin?.()
    else void this.#beat()
  }

  /** Acts on what an error says about this member, and says it back. */
  #judge(error: unknown, call: GroupCall): GroupVerdict {
    const { coordinators, groupId, reach } = this.#options
    const verdict = judgeGroupError(error)
    if (verdict === 'coordinator') {
      coordinators.forget(groupId)
      reach?.suspect()
    }
    if (verdict === 'rebalance') this.#rejoin()
    if (verdict === 'lost') this.#lose(errorCodeOf(error) === unknownMemberId)
    if (verdict !== 'rebalance') this.#complain(error, call, verdict)
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

  /** Ever more seldom while it goes on; of a cluster that is away its `reach` tells, once for all, as soon as it knows. */
  #complain(error: unknown, call: GroupCall, verdict: GroupVerdict): void {
    const { groupId, warn } = this.#options
    const failures = this.#patience.failed(call)
    if (this.#stopping.signal.aborted || this.#away || failures === undefined) return
    if (verdict === 'coordinator' && failures === 1) return
    warn({ group: groupId, failures, err: error }, complaints[call])
  }
}
