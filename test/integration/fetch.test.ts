import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { systemClock } from '../../src/core/clock.ts'
import type { FetchedChunk, RepositionReason } from '../../src/kafka/fetch-subscription.ts'
import { ClusterFetcher } from '../../src/kafka/fetcher.ts'
import type { LogPosition } from '../../src/kafka/offsets.ts'
import { payloadOf, visitRecords } from '../../src/kafka/record-batch-reader.ts'
import { sharedClusters } from '../support/kafka.ts'
import { privateCluster } from '../support/private-cluster.ts'
import { testProducer } from '../support/router-bed.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const start = { offset: 0, leaderEpoch: -1 }

function fetcherFor(t: TestContext, bootstrap: readonly string[]): ClusterFetcher {
  const fetcher = new ClusterFetcher({
    clusterId: 'test',
    bootstrap,
    clientId: 'fetch-test',
    clock: systemClock,
    maxWaitMs: 200,
    maxBytes: 2 ** 22,
    requestTimeoutMs: 2000,
    warn: () => undefined,
  })
  t.after(() => fetcher.close())
  return fetcher
}

/** Collects values; holds what it got until `release` when it is told to be slow. */
class Reader {
  readonly values: string[] = []
  readonly moves: (readonly [RepositionReason, number, number])[] = []
  readonly held: FetchedChunk[] = []
  slow = false
  readonly #subscription

  constructor(
    fetcher: ClusterFetcher,
    topic: string,
    partition: number,
    position: LogPosition,
    maxBytes = 2 ** 20,
  ) {
    this.#subscription = fetcher.subscribe({
      topic,
      partition,
      position,
      maxBytes,
      budget: { usedBytes: 0, limitBytes: 2 ** 26 },
      handler: {
        onChunk: (chunk) => {
          this.held.push(chunk)
          if (!this.slow) this.release()
        },
        onReposition: (reason, from, to) => void this.moves.push([reason, from, to.offset]),
      },
    })
  }

  release(): void {
    for (const chunk of this.held.splice(0)) {
      for (const batch of chunk.batches) {
        visitRecords(batch, payloadOf(batch), (record) => {
          if (record.offset >= chunk.fromOffset) {
            this.values.push(record.payload.toString('utf8', record.valueStart, record.valueEnd))
          }
        })
      }
      this.#subscription.consumed(chunk.bytes)
    }
  }

  get heldBytes(): number {
    return this.held.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  async has(count: number): Promise<void> {
    await waitFor(() => this.values.length >= count, {
      describe: `${count} records`,
      state: () => ({ values: this.values.length, moves: this.moves }),
    })
  }
}

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `value-${from + index}`)
}

async function topicWith(t: TestContext, name: string, partitions = 1) {
  const { fronting } = await sharedClusters()
  const topic = uniqueTopic(name)
  t.after(await makeTopic(fronting.bootstrap, topic, { partitions, replicas: 2 }))
  const produce = await testProducer(t, fronting.bootstrap)
  const send = (partition: number, values: readonly string[]) =>
    produce(
      topic,
      partition,
      values.map((value) => ({ value })),
    )
  return { topic, bootstrap: fronting.bootstrap, send }
}

async function adminOf(t: TestContext, bootstrap: readonly string[]): Promise<Admin> {
  const admin = new Kafka({ brokers: [...bootstrap], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  t.after(() => admin.disconnect())
  return admin
}

describe('the fetcher', () => {
  it('gives two readers of a partition everything, each from its own position', async (t) => {
    const { topic, bootstrap, send } = await topicWith(t, 'fetch.two')
    await send(0, numbered(0, 50))
    const fetcher = fetcherFor(t, bootstrap)
    const early = new Reader(fetcher, topic, 0, start)
    const late = new Reader(fetcher, topic, 0, { offset: 30, leaderEpoch: -1 })
    await Promise.all([early.has(50), late.has(20)])
    for (let round = 0; round < 10; round += 1) {
      await send(0, numbered(50 + round * 10, 60 + round * 10))
      // Each batch reaches both without waiting out a long-poll of the other.
      await Promise.all([early.has(60 + round * 10), late.has(30 + round * 10)])
    }
    assert.deepEqual(early.values, numbered(0, 150))
    assert.deepEqual(late.values, numbered(30, 150))
  })

  it('holds no more than two answers for a slow reader, and the others go on', async (t) => {
    const { topic, bootstrap, send } = await topicWith(t, 'fetch.slow')
    const padding = 'x'.repeat(1000)
    for (let batch = 0; batch < 40; batch += 1)
      await send(
        0,
        Array.from({ length: 20 }, () => padding),
      )
    const fetcher = fetcherFor(t, bootstrap)
    const maxBytes = 64 * 1024
    const slow = new Reader(fetcher, topic, 0, start, maxBytes)
    slow.slow = true
    const quick = new Reader(fetcher, topic, 0, start, maxBytes)
    await quick.has(800)
    assert.ok(slow.heldBytes > 0 && slow.heldBytes <= 2 * maxBytes, `${slow.heldBytes} bytes are held`)
    slow.slow = false
    slow.release()
    await slow.has(800)
  })

  it('goes on at the earliest record when its position is gone', async (t) => {
    const { topic, bootstrap, send } = await topicWith(t, 'fetch.gone')
    await send(0, numbered(0, 20))
    const admin = await adminOf(t, bootstrap)
    // It knows no leader before it has asked for something of the topic.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '12' }] })
    const reader = new Reader(fetcherFor(t, bootstrap), topic, 0, { offset: 3, leaderEpoch: 0 })
    await reader.has(8)
    assert.deepEqual(reader.moves, [['out-of-range', 3, 12]])
    assert.deepEqual(reader.values, numbered(12, 20))
  })

  it('starts anew when the topic was made anew under its name', async (t) => {
    const { fronting } = await sharedClusters()
    const topic = uniqueTopic('fetch.anew')
    const remove = await makeTopic(fronting.bootstrap, topic, { partitions: 1 })
    const admin = await adminOf(t, fronting.bootstrap)
    const produce = await testProducer(t, fronting.bootstrap)
    await produce(topic, 0, [{ value: 'old' }])
    const reader = new Reader(fetcherFor(t, fronting.bootstrap), topic, 0, start)
    await reader.has(1)
    await remove()
    await waitFor(() => admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] }), {
      describe: 'the topic can be made again',
    })
    const another = await testProducer(t, fronting.bootstrap)
    for (const value of ['new 0', 'new 1', 'new 2']) await another(topic, 0, [{ value }])
    await reader.has(4)
    assert.deepEqual(reader.moves, [['topic-replaced', 1, 0]])
    assert.deepEqual(reader.values, ['old', 'new 0', 'new 1', 'new 2'])
    await admin.deleteTopics({ topics: [topic] })
  })

  it('waits for a cluster that is away, and follows its leaders', async (t) => {
    const cluster = await privateCluster(t, { brokers: 3 })
    const topic = uniqueTopic('fetch.leaders')
    await makeTopic(cluster.bootstrap, topic, { partitions: 3, replicas: 3 })
    const produce = await testProducer(t, cluster.bootstrap)
    const fetcher = fetcherFor(t, cluster.bootstrap)
    const readers = [0, 1, 2].map((partition) => new Reader(fetcher, topic, partition, start))
    const round = async (name: string, count: number) => {
      for (const [partition, reader] of readers.entries()) {
        await waitFor(
          async () => {
            await produce(topic, partition, [{ value: `${name}-${partition}` }])
            return true
          },
          { describe: 'a record is taken' },
        )
        await waitFor(() => reader.values.some((value) => value === `${name}-${partition}`), {
          describe: `${name} in partition ${partition}, ${count}`,
          state: () => reader.values,
        })
      }
    }
    await round('before', 1)
    await cluster.killBroker(2)
    await round('one broker less', 2)
    await cluster.startBroker(2)
    await round('all are back', 3)
  })
})
