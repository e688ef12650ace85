import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
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
})
