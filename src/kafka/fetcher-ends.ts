import { setTimeout as sleep } from 'node:timers/promises'
import { listOffsetsV7 } from '@platformatic/kafka'
import { type BrokerCallOptions, callBroker } from './broker-call.ts'
import type { ClusterMetadata } from './cluster-metadata.ts'

export interface LogEndsOptions extends BrokerCallOptions {
  readonly metadata: ClusterMetadata
  /** A leader did not answer, or is none any more. */
  readonly onTrouble: () => void
}

type Ends = ReadonlyMap<number, number>
type Topics = Parameters<typeof listOffsetsV7.api.async>[3]
type Answer = Awaited<ReturnType<typeof listOffsetsV7.api.async>>

/** Asked as a debugging tool, a leader tells where its log ends; a consumer is told the high watermark (KAFKA-1367, ListOffsets). */
const debuggingReplica = -2
const readUncommitted = 0
const latestTimestamp = -1n
/** Those who ask within this share the requests. */
const gatherMs = 20

/**
 * Where logs end, with what the leader acknowledged by itself (acks=1) and no follower has yet: readers cannot see that, but it is there.
 * One request per leader for all topics that are asked about at the same time.
 */
export class LogEnds {
  readonly #options: LogEndsOptions
  #wanted = new Map<string, Set<number>>()
  #round: Promise<ReadonlyMap<string, Ends>> | undefined

  constructor(options: LogEndsOptions) {
    this.#options = options
  }

  /** As they are at some time after the call. A partition whose leader gave no answer is not in it. Never rejects. */
  async of(topic: string, partitions: readonly number[]): Promise<Ends> {
    const wanted = this.#wanted.get(topic) ?? new Set()
    for (const partition of partitions) wanted.add(partition)
    this.#wanted.set(topic, wanted)
    this.#round ??= this.#gather()
    return (await this.#round).get(topic) ?? new Map()
  }

  async #gather(): Promise<ReadonlyMap<string, Ends>> {
    await sleep(gatherMs)
    const wanted = this.#wanted
    this.#wanted = new Map()
    this.#round = undefined
    const found = new Map<string, Map<number, number>>()
    const asked = [...byLeader(wanted, this.#options.metadata)]
    for (const answer of await Promise.all(asked.map(([leader, topics]) => this.#ask(leader, topics)))) {
      for (const { name, partitions } of answer?.topics ?? []) {
        const ends = found.get(name) ?? new Map<number, number>()
        for (const { partitionIndex, errorCode, offset } of partitions) {
          if (errorCode === 0) ends.set(partitionIndex, Number(offset))
          else this.#options.onTrouble()
        }
        found.set(name, ends)
      }
    }
    return found
  }

  async #ask(leader: number, topics: Topics): Promise<Answer | undefined> {
    const address = this.#options.metadata.broker(leader)
    if (address === undefined) return undefined
    try {
      // One partition that is refused does not take the others' ends away.
      return await callBroker(address, this.#options, (connection) =>
        listOffsetsV7.api.async(connection, debuggingReplica, readUncommitted, topics),
      )
    } catch {
      this.#options.onTrouble()
      return undefined
    }
  }
}

function byLeader(
  wanted: ReadonlyMap<string, ReadonlySet<number>>,
  metadata: ClusterMetadata,
): ReadonlyMap<number, Topics> {
  const leaders = new Map<number, Topics>()
  for (const [name, some] of wanted) {
    const topics = new Map<number, Topics[number]['partitions']>()
    for (const partitionIndex of some) {
      const { leader = -1, leaderEpoch = -1 } = metadata.topic(name)?.partitions[partitionIndex] ?? {}
      if (leader < 0) continue
      // The epoch keeps a broker that is no longer the leader from answering for its own, older log.
      const asked = { partitionIndex, currentLeaderEpoch: leaderEpoch, timestamp: latestTimestamp }
      topics.set(leader, [...(topics.get(leader) ?? []), asked])
    }
    for (const [leader, partitions] of topics) {
      leaders.set(leader, [...(leaders.get(leader) ?? []), { name, partitions }])
    }
  }
  return leaders
}
