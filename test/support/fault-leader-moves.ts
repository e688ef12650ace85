import { once } from 'node:events'
import { connect } from 'node:net'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import type { Cleanup } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

/** Replicas of each partition, the preferred leader first. */
type Replicas = readonly (readonly number[])[]

/**
 * Moves the leaders of topics while everything runs, by kafkajs and a request of our own. `elected`: the replicas stay, another of them
 * becomes the leader at once. `reassigned`: the leader's replica goes to another broker, and another replica leads.
 */
export class LeaderMoves {
  readonly #admin: Admin
  readonly #bootstrap: readonly string[]

  private constructor(admin: Admin, bootstrap: readonly string[]) {
    this.#admin = admin
    this.#bootstrap = bootstrap
  }

  static async connect(owner: Cleanup, bootstrap: readonly string[]): Promise<LeaderMoves> {
    const kafka = new Kafka({
      clientId: 'fault-leaders',
      brokers: [...bootstrap],
      logLevel: logLevel.NOTHING,
    })
    const admin = kafka.admin()
    await admin.connect()
    owner.after(() => admin.disconnect())
    return new LeaderMoves(admin, bootstrap)
  }

  /** The next replica of each partition's list is elected. Resolves with the number of partitions when each has another leader. */
  async elect(topic: string): Promise<number> {
    const [before, replicas] = await this.#leaders(topic)
    const turned = replicas.map(([first = 0, ...others]) => [...others, first])
    await this.#reassign(topic, turned)
    await this.#untilMoved(topic, before, async () => {
      await electLeaders(this.#bootstrap, topic, turned.length)
    })
    return before.length
  }

  /** Each partition leaves its leader's broker for one that has no replica of it; `brokers` are all. */
  async reassign(topic: string, brokers: readonly number[]): Promise<number> {
    const [before, replicas] = await this.#leaders(topic)
    const target = replicas.map((all, partition) => {
      const stay = all.filter((id) => id !== before[partition])
      const fresh = brokers.filter((id) => !all.includes(id))
      return [...stay, ...fresh.slice(0, 1)]
    })
    await this.#reassign(topic, target)
    await this.#untilMoved(topic, before, async () => {
      // Ends when the new replica has caught up.
    })
    return before.length
  }

  async #leaders(topic: string): Promise<[leaders: number[], replicas: Replicas]> {
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] })
    const partitions = (topics[0]?.partitions ?? []).toSorted((a, b) => a.partitionId - b.partitionId)
    return [partitions.map(({ leader }) => leader), partitions.map(({ replicas }) => replicas)]
  }

  async #reassign(topic: string, replicas: Replicas): Promise<void> {
    const partitionAssignment = replicas.map((all, partition) => ({ partition, replicas: [...all] }))
    await this.#admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] })
  }

  async #untilMoved(topic: string, before: readonly number[], again: () => Promise<void>): Promise<void> {
    let seen: unknown
    await waitFor(
      async () => {
        await again()
        const [leaders, replicas] = await this.#leaders(topic)
        seen = { before, leaders, replicas }
        return leaders.every((leader, index) => leader >= 0 && leader !== before[index])
      },
      { describe: `other leaders of ${topic}`, intervalMs: 100, state: () => seen },
    )
  }
}

const electLeadersKey = 43
const electLeadersVersion = 1
const electionTypes = { preferred: 0, unclean: 1 } as const

/** ElectLeaders (KIP-460), which neither client library has. Any broker forwards it; it says nothing here, whoever asks looks. */
export async function electLeaders(
  bootstrap: readonly string[],
  topic: string,
  partitions: number,
  type: keyof typeof electionTypes = 'preferred',
): Promise<void> {
  const [host = '', port = ''] = bootstrap[0]?.split(':') ?? []
  const name = Buffer.from(topic)
  const body = Buffer.alloc(1 + 4 + 2 + name.length + 4 + 4 * partitions + 4)
  let at = body.writeInt8(electionTypes[type], 0)
  at = body.writeInt32BE(1, at)
  at = body.writeInt16BE(name.length, at)
  at += name.copy(body, at)
  at = body.writeInt32BE(partitions, at)
  for (let partition = 0; partition < partitions; partition += 1) at = body.writeInt32BE(partition, at)
  body.writeInt32BE(5000, at)
  const head = Buffer.alloc(4 + 10)
  head.writeInt32BE(10 + body.length, 0)
  head.writeInt16BE(electLeadersKey, 4)
  head.writeInt16BE(electLeadersVersion, 6)
  head.writeInt32BE(1, 8)
  head.writeInt16BE(-1, 12)
  const socket = connect({ host, port: Number(port), timeout: 5000 })
  socket.once('timeout', () => socket.destroy(new Error('no answer to ElectLeaders')))
  try {
    await once(socket, 'connect')
    socket.write(Buffer.concat([head, body]))
    await once(socket, 'data')
  } finally {
    socket.destroy()
  }
}
