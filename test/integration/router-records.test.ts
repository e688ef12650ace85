import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { findJava } from '../../deploy/local/java.ts'
import { kafkaJars } from '../../deploy/local/kafka-jars.ts'
import { readAll } from '../support/independent-reader.ts'
import { sharedClusters } from '../support/kafka.ts'
import {
  fileRoute,
  kafkaRoute,
  metric,
  PlacementServer,
  routedDocument,
  startRouter,
  testProducer,
} from '../support/router-bed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

interface Counts {
  readonly source: number
  readonly target?: number
  readonly targetConfigs?: Readonly<Record<string, string>>
}

async function routed(t: TestContext, name: string, { source, target = source, targetConfigs = {} }: Counts) {
  const { fronting, consumer } = await sharedClusters()
  const topic = uniqueTopic(name)
  t.after(await makeTopic(fronting.bootstrap, topic, { partitions: source, replicas: 2 }))
  t.after(await makeTopic(consumer.bootstrap, topic, { partitions: target, configs: targetConfigs }))
  const folder = temporaryFolder(t)
  const directory = join(folder, 'out')
  const document = routedDocument({
    fronting: fronting.bootstrap,
    consumer: consumer.bootstrap,
    topic,
    partitions: source,
    routes: [kafkaRoute(topic), fileRoute(topic, directory)],
  })
  const placement = await PlacementServer.start(t, document)
  return {
    topic,
    fronting: fronting.bootstrap,
    consumer: consumer.bootstrap,
    start: () => startRouter(t, placement.url, folder),
    lines: () =>
      readdirSync(directory).flatMap((file) =>
        file.endsWith('.ndjson') ? readFileSync(join(directory, file), 'utf8').split('\n').slice(0, -1) : [],
      ),
  }
}

type Bed = Awaited<ReturnType<typeof routed>>

async function sinksHave(router: Awaited<ReturnType<Bed['start']>>, records: number): Promise<void> {
  await waitFor(async () => (await metric(router.url, 'forebay_sink_records_total')) === records, {
    describe: `${records} records with the two sinks`,
    state: () => router.process.output,
  })
}

function values(records: Awaited<ReturnType<typeof readAll>>): string[] {
  return records.map(({ value }) => String(value))
}

async function java(args: readonly string[], input: string): Promise<string> {
  const silent = () => undefined
  const [command, jars] = await Promise.all([findJava(silent), kafkaJars(silent)])
  const flags = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`]
  const child = spawn(command, [...flags, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  let problems = ''
  child.stdout.on('data', (part: Buffer) => {
    output += part.toString()
  })
  child.stderr.on('data', (part: Buffer) => {
    problems += part.toString()
  })
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  if (code !== 0 && !problems.includes('TimeoutException')) throw new Error(`java ${args[0]}: ${problems}`)
  return output
}

/** Kafka's own producer: idempotent, as it is by default. One line: headers, key, value, between tabs. */
async function javaProduce(bed: Bed, codec: string, lines: readonly string[]): Promise<void> {
  const properties = ['parse.headers=true', 'parse.key=true'].flatMap((one) => ['--reader-property', one])
  await java(
    [
      'org.apache.kafka.tools.ConsoleProducer',
      ...['--bootstrap-server', bed.fronting.join(','), '--topic', bed.topic, '--compression-codec', codec],
      ...properties,
    ],
    `${lines.join('\n')}\n`,
  )
}

/** Everything that Kafka's own consumer sees of the records, in order. */
async function javaConsume(bootstrap: readonly string[], topic: string, count: number): Promise<string[]> {
  const shown = ['partition', 'offset', 'timestamp', 'headers', 'key']
  const output = await java(
    [
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      ...['--bootstrap-server', bootstrap.join(','), '--topic', topic, '--from-beginning'],
      ...['--timeout-ms', '60000', '--max-messages', String(count)],
      ...shown.flatMap((one) => ['--formatter-property', `print.${one}=true`]),
    ],
    '',
  )
  return output
    .split('\n')
    .filter((line) => line.startsWith('CreateTime'))
    .sort()
}

describe('records on their way through a router', () => {
  it('come out as a Java producer wrote them, whatever the codec', async (t) => {
    const bed = await routed(t, 'router.codecs', { source: 2 })
    const router = await bed.start()
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
    const expected: string[] = []
    for (const codec of codecs) {
      const lines = Array.from({ length: 30 }, (_, index) => {
        const value = JSON.stringify({ codec, index, padding: 'ä'.repeat(index * 40) })
        expected.push(value)
        return `h1:v${index},h2:${codec}\tkey-${index}\t${value}`
      })
      await javaProduce(bed, codec, lines)
    }
    await sinksHave(router, 2 * expected.length)
    const [sent, arrived] = await Promise.all([
      javaConsume(bed.fronting, bed.topic, expected.length),
      javaConsume(bed.consumer, bed.topic, expected.length),
    ])
    assert.equal(sent.length, expected.length)
    assert.deepEqual(arrived, sent)
    assert.deepEqual(bed.lines().sort(), expected.sort())
  })

  it('are those of committed transactions only', async (t) => {
    const bed = await routed(t, 'router.transactions', { source: 1 })
    const produce = await testProducer(t, bed.fronting)
    const kafka = new Kafka({ brokers: [...bed.fronting], logLevel: logLevel.NOTHING })
    const producer = kafka.producer({ transactionalId: bed.topic, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    t.after(() => producer.disconnect())
    const expected: string[] = []
    for (let round = 0; round < 6; round += 1) {
      const transaction = await producer.transaction()
      for (let part = 0; part < 2; part += 1) {
        const value = JSON.stringify({ round, part })
        await transaction.send({ topic: bed.topic, messages: [{ value, partition: 0 }] })
        if (round % 2 === 0) expected.push(value)
        const beside = JSON.stringify({ beside: `${round}.${part}` })
        await produce(bed.topic, 0, [{ value: beside }])
        expected.push(beside)
      }
      await (round % 2 === 0 ? transaction.commit() : transaction.abort())
    }
    const router = await bed.start()
    await sinksHave(router, 2 * expected.length)
    const arrived = await readAll(bed.consumer, bed.topic)
    assert.deepEqual(values(arrived).sort(), expected.sort())
    assert.deepEqual(bed.lines().sort(), expected)
    assert.deepEqual(
      arrived.map(({ offset }) => Number(offset)),
      expected.map((_, index) => index),
      'no marker and no aborted record took an offset',
    )
  })

  it('begin in the middle of a batch where the group stands there', async (t) => {
    const bed = await routed(t, 'router.trim', { source: 1 })
    const produce = await testProducer(t, bed.fronting)
    const messages = Array.from({ length: 40 }, (_, index) => ({ value: `{"n":${index}}`, key: `k${index}` }))
    await produce(bed.topic, 0, messages)
    const admin = new Kafka({ brokers: [...bed.fronting], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    for (const sink of ['kafka', 'file']) {
      const groupId = `forebay.${bed.topic}.${sink}`
      await admin.setOffsets({ groupId, topic: bed.topic, partitions: [{ partition: 0, offset: '25' }] })
    }
    await admin.disconnect()
    const router = await bed.start()
    await sinksHave(router, 2 * 15)
    const expected = messages.slice(25)
    const arrived = await readAll(bed.consumer, bed.topic)
    assert.deepEqual(
      arrived.map(({ key, value }) => ({ key: String(key), value: String(value) })),
      expected,
    )
    const sent = await readAll(bed.fronting, bed.topic)
    assert.deepEqual(
      arrived.map(({ timestamp }) => timestamp),
      sent.slice(25).map(({ timestamp }) => timestamp),
    )
    assert.deepEqual(
      bed.lines(),
      expected.map(({ value }) => value),
    )
  })

  it('go where their key says when the partition counts differ', async (t) => {
    const bed = await routed(t, 'router.counts', { source: 2, target: 5 })
    const produce = await testProducer(t, bed.fronting)
    for (const partition of [0, 1]) {
      const messages = Array.from({ length: 60 }, (_, index) => ({
        key: `key-${partition}-${index % 20}`,
        value: JSON.stringify({ partition, index }),
        headers: { from: String(partition) },
      }))
      await produce(bed.topic, partition, messages)
      await produce(bed.topic, partition, [{ key: null, value: `{"unkeyed":${partition}}` }])
    }
    const router = await bed.start()
    await sinksHave(router, 2 * 122)
    const arrived = await readAll(bed.consumer, bed.topic)
    assert.deepEqual(values(arrived).sort(), values(await readAll(bed.fronting, bed.topic)).sort())
    const choose = Partitioners.DefaultPartitioner()
    const partitionMetadata = Array.from({ length: 5 }, (_, partitionId) => ({
      partitionId,
      leader: 1,
      partitionErrorCode: 0,
      replicas: [1],
      isr: [1],
    }))
    for (const { key, value, partition } of arrived) {
      if (key === null) continue
      const expected = choose({ topic: bed.topic, partitionMetadata, message: { key, value } })
      assert.equal(partition, expected, String(key))
    }
  })

  it('wait, and are reported, while the target refuses them', async (t) => {
    const targetConfigs = { 'max.message.bytes': '500' }
    const bed = await routed(t, 'router.refused', { source: 1, targetConfigs })
    const produce = await testProducer(t, bed.fronting)
    const large = JSON.stringify({ large: 'x'.repeat(2000) })
    for (const value of ['{"n":1}', large, '{"n":2}']) await produce(bed.topic, 0, [{ value }])
    const router = await bed.start()
    await waitFor(async () => (await metric(router.url, 'forebay_sink_failures_total')) >= 2, {
      describe: 'two refusals',
      state: () => router.process.output,
    })
    assert.match(router.process.output, /Kafka error 10 .*max\.message\.bytes/)
    assert.equal(bed.lines().length, 3, 'the other sink of the topic goes on')
    assert.deepEqual(values(await readAll(bed.consumer, bed.topic)), ['{"n":1}'])
    const admin = new Kafka({ brokers: [...bed.consumer], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const configEntries = [{ name: 'max.message.bytes', value: '100000' }]
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: 2, name: bed.topic, configEntries }],
    })
    await admin.disconnect()
    await sinksHave(router, 6)
    assert.deepEqual(values(await readAll(bed.consumer, bed.topic)), ['{"n":1}', large, '{"n":2}'])
  })
})
