import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { consoleConsumer, readAll } from '../support/independent-reader.ts'
import { sharedCluster } from '../support/kafka.ts'

describe('the independent readers of the tests', () => {
  test('give back what another client wrote, byte for byte', async (t) => {
    const { bootstrap } = await sharedCluster('consumer')
    const topic = `readers.${randomUUID()}`
    const values = [Buffer.from('{"a":1}'), Buffer.from('two\nlines\n'), Buffer.alloc(0), randomBytes(256)]
    const kafka = new Kafka({ brokers: [...bootstrap], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    const producer = kafka.producer({ allowAutoTopicCreation: false })
    await Promise.all([admin.connect(), producer.connect()])
    t.after(async () => {
      await admin.deleteTopics({ topics: [topic] })
      await Promise.all([admin.disconnect(), producer.disconnect()])
    })
    await admin.createTopics({
      topics: [{ topic, numPartitions: 2, replicationFactor: 1 }],
      waitForLeaders: true,
    })
    const messages = values.map((value, index) => ({
      key: `key-${index}`,
      value,
      partition: 1,
      timestamp: String(1_700_000_000_000 + index),
      headers: { kind: 'test' },
    }))
    await producer.send({ topic, messages })

    const records = await readAll(bootstrap, topic)
    const printed = await consoleConsumer(bootstrap, topic, { maxMessages: values.length })

    assert.deepEqual(
      records.map(({ value }) => value?.toString('hex')),
      hex(values),
    )
    assert.deepEqual(
      records.map(({ partition, offset, timestamp }) => [partition, offset, timestamp]),
      values.map((_, index) => [1, BigInt(index), 1_700_000_000_000 + index]),
    )
    assert.equal(String(records[0]?.key), 'key-0')
    assert.equal(String(records[0]?.headers.kind), 'test')
    assert.deepEqual(hex(printed), hex(values))
  })
})

/** Short to compare and to print. */
function hex(values: readonly Buffer[]): string[] {
  return values.map((value) => value.toString('hex'))
}
