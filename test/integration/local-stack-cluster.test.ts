import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { BrokerExit } from '../../deploy/local/broker-process.ts'
import { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import { portHolder } from '../../deploy/local/ports.ts'
import { probeBroker } from '../../src/kafka/cluster-probe.ts'
import { freePorts } from '../support/free-port.ts'
import { readAll } from '../support/independent-reader.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const topic = 'kept.through.restarts'

describe('a Kafka cluster of the local stack', async () => {
  const [port = 0, controllerPort = 0, otherController = 0] = await freePorts(3)
  const directory = join(temporaryFolder({ after }), 'kafka')
  const exits: BrokerExit[] = []
  const cluster = new KafkaCluster({
    name: 'own',
    directory,
    brokers: [{ port, controllerPort, rack: 'a' }],
    onBrokerExit: (exit) => exits.push(exit),
  })
  after(() => cluster.stop(0))
  process.once('exit', () => cluster.killNow())

  test('is ready when its broker is registered and the coordinators are found', async () => {
    await cluster.start()
    const view = await probeBroker(`127.0.0.1:${port}`, { deadlineMs: 5000, coordinators: true })
    assert.deepEqual(view, { brokerIds: [1], coordinators: true })
    assert.deepEqual(cluster.bootstrap, [`127.0.0.1:${port}`])
    assert.equal(cluster.brokers[0]?.state, 'running')
    assert.ok(Number(cluster.brokers[0]?.pid) > 1)
    await write('one')
  })

  test('a paused broker does not answer, a resumed one does', async () => {
    cluster.pauseBroker(1)
    const asked = probeBroker(`127.0.0.1:${port}`, { deadlineMs: 300, coordinators: false })
    await assert.rejects(asked, /did not answer|timed out|timeout/i)
    await assert.rejects(cluster.startBroker(1), /is paused: resume it/)
    cluster.resumeBroker(1)
    await cluster.ready()
  })

  test('a killed broker comes back on the same port with its data', async () => {
    await cluster.killBroker(1)
    assert.deepEqual(
      cluster.brokers.map(({ pid, state }) => [pid, state]),
      [[undefined, 'stopped']],
    )
    await assert.rejects(async () => cluster.pauseBroker(1), /is not running/)
    await cluster.startBroker(1)
    await write('two')
    assert.deepEqual(await read(), ['one', 'two'])
    assert.deepEqual(exits, [], 'a kill that was asked for is no surprise')
  })

  test('a broker that dies by itself is reported and stays down', async () => {
    process.kill(cluster.brokers[0]?.pid ?? 0, 'SIGKILL')
    await waitFor(() => exits.length === 1, {
      describe: 'the report of the exit',
      state: () => cluster.brokers,
    })
    assert.deepEqual([exits[0]?.id, exits[0]?.signal], [1, 'SIGKILL'])
    assert.equal(cluster.brokers[0]?.state, 'failed')
  })

  test('a start on a taken port names the port and its holder, and leaves nothing running', async (t) => {
    const squatter = createServer().listen(port, '127.0.0.1')
    t.after(() => squatter.close())
    await waitFor(() => squatter.listening, { describe: 'the squatter to listen' })
    await assert.rejects(
      cluster.startBroker(1),
      new RegExp(`port ${port}, needed for broker own/1, is taken`),
    )
    await assert.rejects(cluster.start(), new RegExp(`port ${port}, needed for broker own/1, is taken`))
    if (process.platform === 'linux')
      assert.match(String(portHolder(port)), new RegExp(`process ${process.pid} `))
    assert.deepEqual(
      cluster.brokers.map(({ pid }) => pid),
      [undefined],
    )
  })

  test('another object over the same folder has the data, and ends what a killed owner left', async () => {
    await cluster.start()
    const orphan = cluster.brokers[0]?.pid
    const heir = new KafkaCluster({ name: 'heir', directory, brokers: [{ port, controllerPort, rack: 'a' }] })
    after(() => heir.stop(0))
    process.once('exit', () => heir.killNow())
    await heir.start()
    assert.notEqual(heir.brokers[0]?.pid, orphan)
    assert.deepEqual(await read(), ['one', 'two'])
    await heir.stop()
  })

  test('a start that fails shows the end of the log', async () => {
    const broken = new KafkaCluster({
      name: 'broken',
      directory: join(directory, 'broken'),
      brokers: [{ port, controllerPort: otherController }],
      config: { 'log.segment.bytes': 'many' },
    })
    await assert.rejects(broken.start(), /broken\/1.*[\s\S]*log\.segment\.bytes/)
  })

  async function write(value: string): Promise<void> {
    const kafka = new Kafka({ brokers: [...cluster.bootstrap], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    const producer = kafka.producer({ allowAutoTopicCreation: false })
    await Promise.all([admin.connect(), producer.connect()])
    try {
      await admin.createTopics({
        topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
        waitForLeaders: true,
      })
      await producer.send({ topic, messages: [{ value, partition: 0 }] })
    } finally {
      await Promise.all([admin.disconnect(), producer.disconnect()])
    }
  }

  async function read(): Promise<string[]> {
    return (await readAll(cluster.bootstrap, topic)).map(({ value }) => String(value))
  }
})
