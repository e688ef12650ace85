import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import { systemClock } from '../../src/core/clock.ts'
import { imbalance, Ledger } from '../../src/core/outcome.ts'
import type { CompressionName, DeliveryClass, TopicPlacement } from '../../src/core/placement.ts'
import { EventBuffer } from '../../src/proxy/buffer/event-buffer.ts'
import { ClusterProducers } from '../../src/proxy/produce/cluster-producers.ts'
import type { ClusterAddress } from '../support/cluster-set.ts'
import { type ReadRecord, readAll } from '../support/independent-reader.ts'
import { sharedCluster } from '../support/kafka.ts'
import { stagedEvents } from '../support/staged-events.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

let fronting: ClusterAddress
const cleanups: (() => Promise<void>)[] = []

before(async () => {
  fronting = await sharedCluster('fronting')
})

after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** What acks=1 acknowledged can be read only once the followers have it. */
async function readCount(topic: string, count: number): Promise<ReadRecord[]> {
  let records: ReadRecord[] = []
  await waitFor(
    async () => {
      records = await readAll(fronting.bootstrap, topic)
      return records.length >= count
    },
    { describe: `${count} records in ${topic}`, state: () => records.length },
  )
  return records
}

interface TopicChoices {
  readonly delivery?: DeliveryClass
  readonly compression?: CompressionName
  readonly eventId?: 'none' | 'header'
  readonly maxMessageBytes?: number
}

async function placeTopic(name: string, { maxMessageBytes = 20 * 2 ** 20, ...choices }: TopicChoices = {}) {
  const topic = uniqueTopic(name)
  const configs = { 'max.message.bytes': String(maxMessageBytes) }
  cleanups.push(await makeTopic(fronting.bootstrap, topic, { partitions: 6, replicas: 2, configs }))
  const placement: TopicPlacement = {
    topic,
    delivery: 'fast',
    cluster: 'fronting-a',
    holders: ['fronting-a'],
    partitions: 6,
    maxEventBytes: 16 * 2 ** 20,
    check: 'structure',
    eventId: 'none',
    compression: 'none',
    mediaTypes: [],
    ...choices,
  }
  const ledger = new Ledger()
  const logger = pino({ level: 'silent' })
  const producers = new ClusterProducers({
    clock: systemClock,
    ledger,
    logger,
    requestTimeoutMs: 5000,
    requestTimeoutAllMs: 10_000,
    batchBytes: 262_144,
  })
  producers.place({
    storeId: 'test',
    leaseTerm: 1,
    version: 1,
    clusters: [{ id: 'fronting-a', role: 'fronting', bootstrap: fronting.bootstrap }],
    placements: [placement],
    routes: [],
  })
  const buffer = new EventBuffer({
    limitBytes: 64 * 2 ** 20,
    batchBytes: 262_144,
    lingerMs: 5,
    deliveryTimeoutMs: 60_000,
    clock: systemClock,
    ledger,
    submit: (batch) => producers.submit(batch),
  })
  cleanups.push(async () => {
    await producers.drain(systemClock.monotonicMs())
  })
  const counts = ledger.topic(topic)
  const delivered = (events: number) =>
    waitFor(() => counts.delivered === events && counts.inFlight === 0, {
      describe: () => JSON.stringify(counts),
    })
  return { placement, buffer, ledger, counts, delivered, producers }
}

test('events arrive byte for byte, spread over partitions, and the memory comes back', async () => {
  const { placement, buffer, counts, delivered } = await placeTopic('bytes')
  const sent = Array.from({ length: 5000 }, (_, index) => `{"n":${index},"pad":"${'x'.repeat(index % 700)}"}`)
  for (let at = 0; at < sent.length; at += 100) {
    assert.equal(buffer.offer(placement, stagedEvents(sent.slice(at, at + 100))), 'ok')
    assert.equal(imbalance(counts), 0)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await delivered(sent.length)
  const records = await readCount(placement.topic, sent.length)
  assert.equal(records.length, sent.length)
  const arrived = new Set(records.map((record) => String(record.value)))
  assert.deepEqual(
    sent.filter((event) => !arrived.has(event)),
    [],
  )
  assert.ok(new Set(records.map((record) => record.partition)).size > 1)
  assert.equal(buffer.usedBytes, 0)
  assert.equal(imbalance(counts), 0)
})

test('a durable request is told when all its events are acknowledged, from an empty one to one of 15 MB', async () => {
  const { placement, buffer, delivered } = await placeTopic('durable', { delivery: 'durable' })
  const events = [Buffer.alloc(0), Buffer.from('{"a":1}'), Buffer.alloc(15_000_000, 'z')]
  const tally = buffer.offerDurable(placement, stagedEvents(events))
  assert.ok(tally !== 'full')
  await tally.settled
  assert.deepEqual([tally.delivered, tally.failed, tally.unknown], [3, 0, 0])
  await delivered(3)
  const records = await readAll(fronting.bootstrap, placement.topic)
  assert.deepEqual(
    records.map((record) => record.value?.length ?? -1).sort((a, b) => a - b),
    [0, 7, 15_000_000],
  )
})

test('events with a key keep their order and their partition', async () => {
  const { placement, buffer, delivered } = await placeTopic('keyed')
  for (let round = 0; round < 50; round += 1) {
    for (const key of ['a', 'b', 'c']) {
      const events = stagedEvents([`${key}-${round}`], { key: Buffer.from(key) })
      assert.equal(buffer.offer(placement, events), 'ok')
    }
    if (round % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 7))
  }
  await delivered(150)
  const records = await readCount(placement.topic, 150)
  for (const key of ['a', 'b', 'c']) {
    const own = records.filter((record) => String(record.key) === key)
    assert.equal(new Set(own.map((record) => record.partition)).size, 1)
    assert.deepEqual(
      own.map((record) => String(record.value)),
      Array.from({ length: 50 }, (_, round) => `${key}-${round}`),
    )
  }
})

test('headers, ids and the arrival time come with each record', async () => {
  const { placement, buffer, delivered } = await placeTopic('headers', { eventId: 'header' })
  const headers = [{ name: Buffer.from('traceparent'), value: Buffer.from('00-abc') }]
  const arrivalMs = Date.now() - 5000
  assert.equal(buffer.offer(placement, stagedEvents(['one', 'two'], { headers, arrivalMs })), 'ok')
  await delivered(2)
  const records = await readCount(placement.topic, 2)
  const ids = records.map((record) => String(record.headers.forebay_id))
  assert.equal(new Set(ids).size, 2)
  for (const id of ids)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  for (const record of records) {
    assert.equal(String(record.headers.traceparent), '00-abc')
    assert.equal(record.timestamp, arrivalMs)
  }
})

for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`batches are compressed with ${compression} where the topic asks for it`, async () => {
    const { placement, buffer, delivered, producers } = await placeTopic(compression, { compression })
    const sent = Array.from({ length: 400 }, (_, index) => `{"n":${index},"text":"${'abc'.repeat(50)}"}`)
    assert.equal(buffer.offer(placement, stagedEvents(sent)), 'ok')
    await delivered(400)
    assert.equal([...producers.all()][0]?.[1].stats.failed, 0)
  })
}

test('an event that the broker refuses is found and dropped alone', async () => {
  const { placement, buffer, counts } = await placeTopic('refused', { maxMessageBytes: 20_000 })
  const sent = Array.from({ length: 40 }, (_, index) =>
    index === 17 ? 'B'.repeat(30_000) : `event ${index}`,
  )
  assert.equal(buffer.offer(placement, stagedEvents(sent)), 'ok')
  await waitFor(() => counts.inFlight === 0, {
    describe: 'every event to have its outcome',
    state: () => counts,
  })
  assert.deepEqual([counts.delivered, counts.dropped.get('broker-refused')], [39, 1])
  assert.equal(buffer.usedBytes, 0)
  const records = await readCount(placement.topic, 39)
  assert.equal(records.length, 39)
})
