import type { Assemblies } from './assembly.ts'
import type { Lane } from './lane.ts'
import type { LaneSet } from './lane-set.ts'
import type { MetadataKeeper } from './metadata-keeper.ts'
import type { Acks } from './outgoing-batch.ts'
import { type Candidate, choosePartition } from './partition-choice.ts'
import type { TopicQueue } from './topic-queue.ts'

/** A partition and the lane to its leader. */
export interface Way {
  readonly partition: number
  readonly lane: Lane
}

/** Which way a batch can go now, by what is known of the leaders and by how full their lanes are. */
export class LeaderLanes {
  readonly #keeper: MetadataKeeper
  readonly #lanes: LaneSet
  readonly #draw: () => number

  /** `draw` gives a number in [0, 1). */
  constructor(keeper: MetadataKeeper, lanes: LaneSet, draw: () => number) {
    this.#keeper = keeper
    this.#lanes = lanes
    this.#draw = draw
  }

  /** Whether the topic's leaders are known; asks for them when they are not. */
  knows(topic: string): boolean {
    if (this.#keeper.metadata.topic(topic) !== undefined) return true
    this.#keeper.askNow()
    return false
  }

  /** For a batch with a fixed partition; `undefined` = wait. */
  fixed(queue: TopicQueue, partition: number, acks: Acks, assemblies: Assemblies): Lane | undefined {
    const leader = this.#keeper.metadata.topic(queue.topic)?.partitions[partition]?.leader ?? -1
    const lane = leader < 0 ? undefined : this.#lanes.lane(leader, acks)
    // The cluster elects a leader, and nobody tells us.
    if (lane === undefined) this.#keeper.askSoon()
    return lane !== undefined && assemblies.hasRoom(lane, queue.topic, partition) ? lane : undefined
  }

  /**
   * For a batch that may go anywhere; `undefined` = wait. It stays where the batch before it went until its topic is unstuck
   * (`TopicQueue.stickTo`), unless there is no room or nothing drains; then the emptier a lane, the likelier it is (KIP-794).
   */
  floating(queue: TopicQueue, acks: Acks, assemblies: Assemblies): Way | undefined {
    return this.#stay(queue, acks, assemblies) ?? this.#choose(queue, acks, assemblies)
  }

  /** The usual case, without looking at the other partitions. */
  #stay(queue: TopicQueue, acks: Acks, assemblies: Assemblies): Way | undefined {
    const partition = queue.stickyPartition
    if (partition === undefined) return undefined
    const leader = this.#keeper.metadata.topic(queue.topic)?.partitions[partition]?.leader ?? -1
    if (leader < 0) return undefined
    const lane = this.#lanes.lane(leader, acks)
    const stays = assemblies.hasRoom(lane, queue.topic, partition) && !lane.isStalled()
    return stays ? { partition, lane } : undefined
  }

  #choose(queue: TopicQueue, acks: Acks, assemblies: Assemblies): Way | undefined {
    const candidates: (Candidate & Way)[] = []
    const partitions = this.#keeper.metadata.topic(queue.topic)?.partitions ?? []
    for (const [partition, { leader }] of partitions.entries()) {
      if (leader < 0) continue
      const lane = this.#lanes.lane(leader, acks)
      candidates.push({
        lane,
        partition,
        queuedBytes: assemblies.queuedBytes(lane),
        hasRoom: assemblies.hasRoom(lane, queue.topic, partition),
        stalled: lane.isStalled(),
      })
    }
    if (candidates.length < partitions.length) this.#keeper.askSoon()
    return choosePartition(candidates, this.#draw)
  }
}
