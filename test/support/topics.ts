import { Kafka, logLevel } from 'kafkajs'
import { waitFor } from './wait-for.ts'

export interface TestTopicOptions {
  readonly partitions?: number
  readonly replicas?: number
  readonly configs?: Readonly<Record<string, string>>
  /** Brokers that hold each partition, the leader first; instead of `replicas`. */
  readonly assignment?: readonly (readonly number[])[]
}

let serial = 0

/** A name that no other test uses. */
export function uniqueTopic(prefix: string): string {
  serial += 1
  return `${prefix}.t${process.pid}x${serial}x${Math.floor(performance.timeOrigin + performance.now()).toString(36)}`
}

/** Makes a topic by kafkajs, which shares no code with Forebay, and waits for its leaders; the function it returns deletes it. */
export async function makeTopic(
  bootstrap: readonly string[],
  topic: string,
  { partitions = 3, replicas = 1, configs = {}, assignment }: TestTopicOptions = {},
): Promise<() => Promise<void>> {
  const kafka = new Kafka({ clientId: 'test-topics', brokers: [...bootstrap], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const shape =
    assignment === undefined
      ? { numPartitions: partitions, replicationFactor: replicas }
      : {
          numPartitions: -1,
          replicationFactor: -1,
          replicaAssignment: assignment.map((all, partition) => ({ partition, replicas: [...all] })),
        }
  // kafkajs gives up at once when the broker that it asks has not heard of the topic yet.
  await waitFor(
    async () => {
      // False when it is there already: an earlier attempt got that far.
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, ...shape, configEntries }] })
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.every(
        ({ leader, isr, replicas: all }) => leader >= 0 && isr.length === all.length,
      )
    },
    { describe: `${topic} with leaders`, intervalMs: 100 },
  )
  return async () => {
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  }
}

/** The partitions of a topic whose leader this broker is. */
export async function partitionsLedBy(
  bootstrap: readonly string[],
  topic: string,
  broker: number,
): Promise<ReadonlySet<number>> {
  const kafka = new Kafka({ clientId: 'test-topics', brokers: [...bootstrap], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const led = topics.flatMap(({ partitions }) => partitions.filter(({ leader }) => leader === broker))
    return new Set(led.map(({ partitionId }) => partitionId))
  } finally {
    await admin.disconnect()
  }
}
