import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { CompressionTypes } from 'kafkajs'
import { endOffsets, independentKafka, TopicFollower, withAdmin } from '../../load/verify/kafka-reader.ts'
import { type ClusterAddress, sharedCluster } from '../support/kafka.ts'
import { waitFor } from '../support/wait-for.ts'
import { type FakeServer, fakeServer, forebay } from '../unit/cli/harness.ts'

const topic = `cli.tail-${randomUUID()}`
const gzip = 1 as CompressionTypes

describe('forebay tail on real Kafka', () => {
  let cluster: ClusterAddress
  let control: FakeServer

  before(async () => {
    cluster = await sharedCluster('consumer')
    await withAdmin(cluster.bootstrap, (admin) =>
      admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2 }] }),
    )
    control = await fakeServer(() => ({
      status: 200,
      body: {
        clusters: [{ id: 'consumer', role: 'fronting', bootstrap: cluster.bootstrap }],
        placements: [{ topic, cluster: 'consumer', holders: ['consumer'] }],
        routes: [],
      },
    }))
  })

  after(async () => {
    await control.close()
    await withAdmin(cluster.bootstrap, (admin) => admin.deleteTopics({ topics: [topic] }))
  })

  async function produce(partition: number, values: readonly (string | Buffer)[]): Promise<void> {
    const producer = independentKafka(cluster.bootstrap).producer()
    await producer.connect()
    const messages = values.map((value) => ({ partition, value, key: 'k', headers: { h: 'v' } }))
    await producer.send({ topic, messages, acks: -1, compression: partition === 1 ? gzip : 0 })
    await producer.disconnect()
  }

  test('everything that is there, of all partitions, compressed or not; then it ends', async () => {
    await produce(0, ['{"n":1}', '{"n":2}'])
    await produce(1, ['{"n":3}', Buffer.from([0xff, 0xfe])])
    const words = ['tail', topic, '--from', 'earliest', '--no-follow', '--control', control.url]
    const { code, out, err } = await forebay(words)
    assert.equal(code, 0, err)
    assert.deepEqual(out.trim().split('\n').toSorted(), ['base64://4=', '{"n":1}', '{"n":2}', '{"n":3}'])
    const json = await forebay([...words, '--json', '-n', '1'])
    const record = JSON.parse(json.out) as Record<string, unknown>
    assert.deepEqual([record.key, record.headers, record.cluster], ['k', { h: 'v' }, 'consumer'])
  })

  test('from latest it prints what comes, and ends on Ctrl-C', async () => {
    const interruption = new AbortController()
    const lines: string[] = []
    const running = forebay(['tail', topic, '--control', control.url], {
      interrupted: interruption.signal,
      onOutput: (text) => lines.push(text),
    })
    await waitFor(
      async () => {
        await produce(0, ['"new"'])
        return lines.length > 0
      },
      { describe: 'a line of tail', intervalMs: 200 },
    )
    interruption.abort()
    const { code, out } = await running
    assert.equal(code, 0)
    assert.ok(
      out
        .trim()
        .split('\n')
        .every((line) => line === '"new"'),
      out,
    )
  })

  test('the verifying reader begins at given offsets and hands over each record once', async () => {
    const from = await endOffsets(cluster.bootstrap, topic)
    assert.ok(from !== undefined)
    const values: string[] = []
    const follower = new TopicFollower(cluster.bootstrap, topic, {
      from,
      onValue: (value) => values.push(value.toString()),
    })
    await follower.start()
    const wanted = Array.from({ length: 50 }, (_, index) => `"follow-${index}"`)
    await produce(0, wanted.slice(0, 25))
    await produce(1, wanted.slice(25))
    const ends = await endOffsets(cluster.bootstrap, topic)
    await waitFor(() => ends !== undefined && follower.reached(ends), {
      describe: 'the end of the topic',
      state: () => values.length,
    })
    await follower.stop()
    assert.deepEqual(values.toSorted(), wanted.toSorted())
  })
})
