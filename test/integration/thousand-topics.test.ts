import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { CpuMeter, rssBytes } from '../../load/bench/process-stats.ts'
import { placedTopic } from '../support/placed-topic.ts'
import { privateCluster } from '../support/private-cluster.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  assertConserved,
  placementOf,
  postEvents,
  type RunningProxy,
  readMetrics,
  startProxy,
} from './proxy-support.ts'

const topics = Array.from({ length: 1000 }, (_, index) => `tail.t${index}`)
const mebibyte = 2 ** 20
const event = `{"pad":"${'x'.repeat(280)}"}`

/** Posts `count` requests of ten events over 16 connections; `pick` says to which topic the n-th goes. */
async function postMany(proxy: RunningProxy, count: number, pick: (index: number) => string): Promise<void> {
  const body = Array.from({ length: 10 }, () => event).join('\n')
  let next = 0
  const connection = async () => {
    while (next < count) {
      const { status } = await postEvents(proxy, pick(next++), body)
      assert.equal(status, 200)
    }
  }
  await Promise.all(Array.from({ length: 16 }, connection))
}

test('a thousand topics with a long tail cost a proxy little memory, and /metrics stays quick', async (t) => {
  const cluster = await privateCluster(t)
  const admin = new Kafka({ brokers: [...cluster.bootstrap], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({
    topics: topics.map((topic) => ({ topic, numPartitions: 1 })),
    waitForLeaders: false,
  })
  await waitFor(
    async () => {
      const { topics: found } = await admin.fetchTopicMetadata({ topics })
      return found.every(({ partitions }) => partitions[0] !== undefined && partitions[0].leader > 0)
    },
    { describe: 'leaders of 1000 topics', timeoutMs: 120_000 },
  )
  await admin.disconnect()
  // Durable, so that no more is in flight than 16 requests, however slow the broker is just now: what it costs is the topics.
  const placements = topics.map((topic) => placedTopic(topic, { partitions: 1, delivery: 'durable' }))
  const proxy = await startProxy(t, placementOf(cluster.bootstrap, placements))
  // The warm-up has the heap and the pools grow to what the load itself needs.
  await postMany(proxy, 6000, () => 'tail.t0')
  const before = rssBytes(proxy.process.pid)
  await postMany(
    proxy,
    6000,
    (index) => topics[index < 1000 ? index : Math.floor(1000 ** Math.random()) - 1] ?? 'tail.t0',
  )
  const after = rssBytes(proxy.process.pid)
  t.diagnostic(`resident: ${Math.round(before / mebibyte)} MiB, then ${Math.round(after / mebibyte)} MiB`)
  assert.ok(after - before < 60 * mebibyte, `grew by ${(after - before) / mebibyte} MiB`)
  const samples = await waitFor(
    async () => {
      const now = await readMetrics(proxy)
      return now.get('forebay_events_in_flight') === 0 ? now : undefined
    },
    { describe: 'every event to be delivered' },
  )
  assertConserved(samples)
  let delivered = 0
  for (const topic of topics) {
    delivered +=
      samples.get(`forebay_events_outcome_total{topic="${topic}",outcome="delivered",reason=""}`) ?? 0
  }
  assert.equal(delivered, 120_000)
  // In CPU, because the machine is shared.
  const meter = new CpuMeter(proxy.process.pid)
  for (let scrape = 0; scrape < 5; scrape += 1) await readMetrics(proxy)
  const scrapeMs = (1000 * meter.seconds()) / 5
  t.diagnostic(`/metrics: ${scrapeMs.toFixed(0)} ms of CPU`)
  assert.ok(scrapeMs < 200, `${scrapeMs} ms`)
})
