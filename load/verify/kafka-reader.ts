import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, type Consumer, Kafka, logLevel } from 'kafkajs'
import { quietNode24 } from './quiet.ts'

/** Partition → offset. */
export type Offsets = ReadonlyMap<number, bigint>

/** A client that shares no wire code with Forebay (blueprint §3.3): never retries by itself. */
export function independentKafka(bootstrap: readonly string[]): Kafka {
  quietNode24()
  return new Kafka({
    clientId: 'forebay-verifier',
    brokers: [...bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    requestTimeout: 10_000,
  })
}

/** The offset after the last record of each partition; `undefined` when there is no such topic. */
export async function endOffsets(bootstrap: readonly string[], topic: string): Promise<Offsets | undefined> {
  return withAdmin(bootstrap, async (admin) => {
    if (!(await admin.listTopics()).includes(topic)) return undefined
    const ends = await admin.fetchTopicOffsets(topic)
    return new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]))
  })
}

/** Tried three times: a fresh broker may not know its coordinator yet. */
export async function withAdmin<Result>(
  bootstrap: readonly string[],
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const admin = independentKafka(bootstrap).admin()
    try {
      await admin.connect()
      return await work(admin)
    } catch (error) {
      if (attempt === 3) throw error
      await sleep(500)
    } finally {
      await admin.disconnect()
    }
  }
}

/**
 * Follows a topic from `from` (absent partitions from the beginning) and hands over every record once, until `stop`. A consumer that
 * crashes is replaced and goes on after the last record that was handed over.
 */
export class TopicFollower {
  readonly #bootstrap: readonly string[]
  readonly #topic: string
  readonly #onValue: (value: Buffer) => void
  readonly #next: Map<number, bigint>
  #consumer: Consumer | undefined
  #stopped = false
  #crashes = 0
  #failure: unknown
  #restarting: Promise<void> = Promise.resolve()

  constructor(
    bootstrap: readonly string[],
    topic: string,
    { from = new Map(), onValue }: { from?: Offsets; onValue: (value: Buffer) => void },
  ) {
    this.#bootstrap = bootstrap
    this.#topic = topic
    this.#onValue = onValue
    this.#next = new Map(from)
  }

  /** Set when it gave up after ten crashes. */
  get failure(): unknown {
    return this.#failure
  }

  /** Whether everything up to `ends` was handed over. */
  reached(ends: Offsets): boolean {
    return [...ends].every(([partition, end]) => (this.#next.get(partition) ?? 0n) >= end)
  }

  async start(): Promise<void> {
    const consumer = independentKafka(this.#bootstrap).consumer({
      groupId: `forebay-verifier-${randomUUID()}`,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 200,
      retry: { retries: 0, restartOnFailure: async () => false },
    })
    this.#consumer = consumer
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.#restarting = this.#replace(payload.error)
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [this.#topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition, messages } }) => {
        for (const { offset, value } of messages) this.#take(partition, BigInt(offset), value)
      },
    })
    for (const [partition, offset] of this.#next) {
      if (offset > 0n) consumer.seek({ topic: this.#topic, partition, offset: String(offset) })
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#restarting
    await this.#consumer?.disconnect()
  }

  /** What was fetched before the seek took effect is passed over. */
  #take(partition: number, offset: bigint, value: Buffer | null): void {
    if (offset < (this.#next.get(partition) ?? 0n)) return
    this.#next.set(partition, offset + 1n)
    if (value !== null) this.#onValue(value)
  }

  async #replace(error: unknown): Promise<void> {
    await this.#consumer?.disconnect().catch(() => undefined)
    this.#crashes += 1
    if (this.#crashes > 10) this.#failure = error
    if (this.#stopped || this.#crashes > 10) return
    await sleep(500)
    await this.start().catch((again: unknown) => this.#replace(again))
  }
}
