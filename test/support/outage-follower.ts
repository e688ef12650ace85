import { type Consumer, Kafka, logLevel } from 'kafkajs'

/**
 * Follows topics of a cluster that is never broken with kafkajs, which shares no code with Forebay, and hands over every record once
 * in the order of its partition, until `stop`.
 */
export class OutageFollower {
  readonly #consumer: Consumer
  readonly #next = new Map<string, bigint>()

  private constructor(consumer: Consumer) {
    this.#consumer = consumer
  }

  /** The topics must be there; they are read from their beginning. */
  static async start(
    bootstrap: readonly string[],
    topics: readonly string[],
    onRecord: (topic: string, value: Buffer | null) => void,
  ): Promise<OutageFollower> {
    const kafka = new Kafka({
      clientId: 'outage-follower',
      brokers: [...bootstrap],
      logLevel: logLevel.NOTHING,
    })
    const consumer = kafka.consumer({
      groupId: `outage-follower-${process.pid}-${performance.now()}`,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 100,
      sessionTimeout: 60_000,
    })
    const follower = new OutageFollower(consumer)
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages } }) => {
        const key = `${topic}/${partition}`
        for (const { offset, value } of messages) {
          // After a restart of its own it begins at the beginning again.
          if (BigInt(offset) < (follower.#next.get(key) ?? 0n)) continue
          follower.#next.set(key, BigInt(offset) + 1n)
          onRecord(topic, value)
        }
      },
    })
    return follower
  }

  async stop(): Promise<void> {
    await this.#consumer.disconnect()
  }
}
