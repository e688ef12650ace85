import { heartbeatV4, joinGroupV7, leaveGroupV4, offsetCommitV8, syncGroupV5 } from '@platformatic/kafka'
import { cooperativeAssignment } from './group-assignor.ts'
import type { GroupCoordinators } from './group-coordinators.ts'
import { errorCodeOf, memberIdRequired, responseOf } from './group-errors.ts'
import { type CommittedPosition, committedMetadata, committedPositions } from './group-offsets.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from './group-protocol.ts'

export interface GroupTimes {
  /** A member that sends no heartbeat for so long is taken out by the coordinator. */
  readonly sessionTimeoutMs: number
  /** How long the others wait for a member to give up partitions and join again. */
  readonly rebalanceTimeoutMs: number
}

/** What a member is to its coordinator. */
export interface Membership {
  readonly memberId: string
  readonly generation: number
}

export interface Joined extends Membership {
  /** What this member may own from now on. */
  readonly assigned: readonly number[]
  readonly isLeader: boolean
}

/** As tools show it; ours alone, because other clients' assignors would be asked to agree on one. */
const assignorName = 'forebay-cooperative-sticky'
const protocolType = 'consumer'
const joinMarginMs = 5_000

export interface GroupCallsOptions {
  readonly coordinators: GroupCoordinators
  readonly groupId: string
  readonly topic: string
  readonly times: GroupTimes
  /** Asked of the member that assigns. */
  readonly partitionCount: () => Promise<number>
}

/** The calls of the classic group protocol for one group and one topic. They reject with the library's errors (group-errors.ts). */
export class GroupCalls {
  readonly #options: GroupCallsOptions

  constructor(options: GroupCallsOptions) {
    this.#options = options
  }

  /** Waits for all members, up to the rebalance timeout; `signal` ends the wait. */
  async join(before: Membership, owned: readonly number[], signal: AbortSignal): Promise<Joined> {
    const { coordinators, groupId, times, partitionCount } = this.#options
    // Before joining: a member that fails as leader keeps the group waiting until its session ends.
    await partitionCount()
    return coordinators.callAlone(
      groupId,
      times.rebalanceTimeoutMs + joinMarginMs,
      signal,
      async (connection) => {
        const answer = await this.#joinWith(connection, before, owned)
        const { memberId, generationId: generation } = answer
        const isLeader = answer.leader === memberId
        const assignments = isLeader ? await this.#assign(answer.members) : []
        const { assignment } = await syncGroupV5.api.async(
          connection,
          groupId,
          generation,
          memberId,
          null,
          protocolType,
          assignorName,
          assignments,
        )
        const assigned = decodeAssignment(assignment, this.#options.topic)
        return { memberId, generation, assigned, isLeader }
      },
    )
  }

  async #joinWith(
    connection: Parameters<typeof joinGroupV7.api.async>[0],
    { memberId, generation }: Membership,
    owned: readonly number[],
  ): Promise<joinGroupV7.JoinGroupResponse> {
    const { groupId, topic, times } = this.#options
    const protocols = [{ name: assignorName, metadata: encodeSubscription({ topic, owned, generation }) }]
    const send = (id: string) =>
      joinGroupV7.api.async(
        connection,
        groupId,
        times.sessionTimeoutMs,
        times.rebalanceTimeoutMs,
        id,
        null,
        protocolType,
        protocols,
      )
    try {
      return await send(memberId)
    } catch (error) {
      // The first answer to a new member only gives it its id (KIP-394).
      const given = responseOf<joinGroupV7.JoinGroupResponse>(error)?.memberId
      if (errorCodeOf(error) !== memberIdRequired || given === undefined) throw error
      return send(given)
    }
  }

  async #assign(members: readonly joinGroupV7.JoinGroupResponseMember[]) {
    const { topic, partitionCount } = this.#options
    const claims = members.flatMap(({ memberId, metadata }) => {
      const subscription = decodeSubscription(metadata, topic)
      return subscription === undefined ? [] : [{ memberId, ...subscription }]
    })
    const assignment = cooperativeAssignment(claims, await partitionCount())
    return members.map(({ memberId }) => ({
      memberId,
      assignment: encodeAssignment(topic, assignment.get(memberId) ?? []),
    }))
  }

  async heartbeat({ memberId, generation }: Membership): Promise<void> {
    const { coordinators, groupId } = this.#options
    await coordinators.call(groupId, (connection) =>
      heartbeatV4.api.async(connection, groupId, generation, memberId, null),
    )
  }

  async leave({ memberId }: Membership): Promise<void> {
    const { coordinators, groupId } = this.#options
    await coordinators.call(groupId, (connection) =>
      leaveGroupV4.api.async(connection, groupId, [{ memberId, groupInstanceId: null }]),
    )
  }

  async commit(
    { memberId, generation }: Membership,
    positions: ReadonlyMap<number, CommittedPosition>,
  ): Promise<void> {
    const { coordinators, groupId, topic } = this.#options
    const partitions = [...positions].map(([partitionIndex, position]) => ({
      partitionIndex,
      committedOffset: BigInt(position.offset),
      committedLeaderEpoch: position.leaderEpoch,
      committedMetadata: committedMetadata(position),
    }))
    await coordinators.call(groupId, (connection) =>
      offsetCommitV8.api.async(connection, groupId, generation, memberId, null, [
        { name: topic, partitions },
      ]),
    )
  }

  /** Partitions without a committed offset are not in the answer. */
  committed(partitions: readonly number[]): Promise<ReadonlyMap<number, CommittedPosition>> {
    const { coordinators, groupId, topic } = this.#options
    return committedPositions(coordinators, groupId, topic, partitions)
  }
}
