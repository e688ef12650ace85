import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { readAll } from '../support/independent-reader.ts'
import { sharedClusters } from '../support/kafka.ts'
import { runForebay } from '../support/process.ts'
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

const partitions = 3

describe('a router', () => {
  it('carries a topic to the consumer cluster and to a file, each record once', async (t) => {
    const { fronting, consumer } = await sharedClusters()
    const topic = uniqueTopic('router.both')
    t.after(await makeTopic(fronting.bootstrap, topic, { partitions, replicas: 2 }))
    t.after(await makeTopic(consumer.bootstrap, topic, { partitions }))
    const produce = await testProducer(t, fronting.bootstrap)
    for (let partition = 0; partition < partitions; partition += 1) {
      const messages = Array.from({ length: 50 }, (_, index) => ({
        key: index % 3 === 0 ? null : `key-${index}`,
        value: JSON.stringify({ partition, index, text: 'dreißig € 🌊' }),
        headers: { trace: Buffer.from([0, 1, 255]), empty: '' },
        timestamp: String(1_700_000_000_000 + index),
      }))
      await produce(topic, partition, messages)
    }
    const folder = temporaryFolder(t)
    const directory = join(folder, 'out')
    const routes = [kafkaRoute(topic), fileRoute(topic, directory)]
    const document = routedDocument({
      fronting: fronting.bootstrap,
      consumer: consumer.bootstrap,
      topic,
      partitions,
      routes,
    })
    const placement = await PlacementServer.start(t, document)
    const router = await startRouter(t, placement.url, folder)
    await waitFor(async () => (await metric(router.url, 'forebay_sink_records_total')) >= 300, {
      describe: '300 records with the two sinks',
      state: () => router.process.output,
    })
    const sent = await readAll(fronting.bootstrap, topic)
    assert.equal(sent.length, 150)
    assert.deepEqual(await readAll(consumer.bootstrap, topic), sent)
    const lines = readdirSync(directory).flatMap((name) =>
      name.endsWith('.ndjson') ? readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1) : [],
    )
    assert.deepEqual(lines.sort(), sent.map(({ value }) => String(value)).sort())
    await waitFor(async () => (await metric(router.url, 'forebay_route_lag_records')) === 0, {
      describe: 'no lag',
    })
    assert.deepEqual(await router.process.stop(), { code: 0, signal: null }, router.process.output)
  })

  it('follows the placement: a route that is paused stops, one that goes leaves the others alone', async (t) => {
    const { fronting, consumer } = await sharedClusters()
    const topic = uniqueTopic('router.follows')
    t.after(await makeTopic(fronting.bootstrap, topic, { partitions: 1, replicas: 2 }))
    t.after(await makeTopic(consumer.bootstrap, topic, { partitions: 1 }))
    const produce = await testProducer(t, fronting.bootstrap)
    const folder = temporaryFolder(t)
    const toKafka = kafkaRoute(topic)
    const toFile = fileRoute(topic, 'relative')
    const document = routedDocument({
      fronting: fronting.bootstrap,
      consumer: consumer.bootstrap,
      topic,
      partitions: 1,
      routes: [toKafka, { ...toFile, state: 'paused' }],
    })
    const placement = await PlacementServer.start(t, document)
    const router = await startRouter(t, placement.url, folder)
    const state = () => router.process.output
    const arrived = async () => (await readAll(consumer.bootstrap, topic)).length
    const lines = () =>
      readFileSync(join(folder, 'files', 'relative', `${topic}-1.ndjson`), 'utf8').split('\n').length - 1

    await produce(topic, 0, [{ value: '1' }])
    await waitFor(async () => (await arrived()) === 1, { describe: 'one record in Kafka', state })
    assert.ok(!existsSync(join(folder, 'files')), 'a paused route delivers nothing')
    placement.publish([{ ...toKafka, state: 'paused' }, toFile])
    await waitFor(() => lines() === 1, { describe: 'one line', state })
    await produce(topic, 0, [{ value: '2' }])
    await waitFor(() => lines() === 2, { describe: 'two lines', state })
    assert.equal(await arrived(), 1, 'a paused route delivers nothing')
    placement.publish([toKafka])
    await waitFor(async () => (await arrived()) === 2, { describe: 'two records in Kafka', state })
    await waitFor(() => router.process.stdout.includes('a routing job ends'), {
      describe: 'the end of the job',
      state,
    })
    await produce(topic, 0, [{ value: '3' }])
    await waitFor(async () => (await arrived()) === 3, { describe: 'three records in Kafka', state })
    assert.equal(lines(), 2)
    placement.publish([toKafka, toFile])
    await waitFor(() => lines() === 3, { describe: 'the route goes on where it was', state })
    await router.process.stop()
  })

  it('waits for a cluster that is away, without being busy, and stops when it is told to', async (t) => {
    const { consumer } = await sharedClusters()
    const topic = uniqueTopic('router.away')
    const nobody = `127.0.0.1:${await freePort()}`
    const document = routedDocument({
      fronting: [nobody],
      consumer: consumer.bootstrap,
      topic,
      partitions: 1,
      routes: [kafkaRoute(topic)],
    })
    const placement = await PlacementServer.start(t, document)
    const router = await startRouter(t, placement.url, temporaryFolder(t))
    await waitFor(() => router.process.stdout.includes('no broker of the cluster answers'), {
      describe: 'the complaint',
      state: () => router.process.output,
    })
    const before = await metric(router.url, 'process_cpu_seconds_total')
    await sleep(2000)
    const used = (await metric(router.url, 'process_cpu_seconds_total')) - before
    assert.ok(used < 0.5, `${used} s of CPU in 2 s`)
    assert.deepEqual(await router.process.stop(), { code: 0, signal: null }, router.process.output)
  })

  it('refuses an address that is not loopback without a token, and says how to help it', async (t) => {
    const refused = await runForebay(t, ['router', '--host', '0.0.0.0'])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /--token/)
  })
})
