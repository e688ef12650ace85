import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { imbalance } from '../../src/core/outcome.ts'
import type { ClusterAddress } from '../support/cluster-set.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { sharedCluster } from '../support/kafka.ts'
import { type ProduceRigOptions, produceRig } from '../support/produce-rig.ts'
import { stagedEvents } from '../support/staged-events.ts'

const file = fileCleanup()
let fronting: ClusterAddress

before(async () => {
  fronting = await sharedCluster('fronting')
})

const rigFor = (name: string, choices: Partial<ProduceRigOptions> = {}) =>
  produceRig(file, { bootstrap: fronting.bootstrap, name, ...choices })

test('events arrive byte for byte, spread over partitions, and the memory comes back', async () => {
  const { placement, buffer, counts, settled, read } = await rigFor('bytes')
  const sent = Array.from({ length: 5000 }, (_, index) => `{"n":${index},"pad":"${'x'.repeat(index % 700)}"}`)
  for (let at = 0; at < sent.length; at += 100) {
    assert.equal(buffer.offer(placement, stagedEvents(sent.slice(at, at + 100))), 'ok')
    assert.equal(imbalance(counts), 0)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await settled()
  assert.equal(counts.delivered, sent.length)
  const records = await read(sent.length)
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
  const { placement, buffer, counts, settled, read } = await rigFor('durable', { delivery: 'durable' })
  const events = [Buffer.alloc(0), Buffer.from('{"a":1}'), Buffer.alloc(15_000_000, 'z')]
  const tally = buffer.offerDurable(placement, stagedEvents(events))
  assert.ok(typeof tally !== 'string')
  await tally.settled
  assert.deepEqual([tally.delivered, tally.failed, tally.unknown], [3, 0, 0])
  await settled()
  assert.equal(counts.delivered, 3)
  const records = await read(3)
  assert.deepEqual(
    records.map((record) => record.value?.length ?? -1).sort((a, b) => a - b),
    [0, 7, 15_000_000],
  )
})

test('events with a key keep their order and their partition', async () => {
  const { placement, buffer, counts, settled, read } = await rigFor('keyed')
  for (let round = 0; round < 50; round += 1) {
    for (const key of ['a', 'b', 'c']) {
      const events = stagedEvents([`${key}-${round}`], { key: Buffer.from(key) })
      assert.equal(buffer.offer(placement, events), 'ok')
    }
    if (round % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 7))
  }
  await settled()
  assert.equal(counts.delivered, 150)
  const records = await read(150)
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
  const { placement, buffer, counts, settled, read } = await rigFor('headers', { eventId: 'header' })
  const headers = [{ name: Buffer.from('traceparent'), value: Buffer.from('00-abc') }]
  const arrivalMs = Date.now() - 5000
  assert.equal(buffer.offer(placement, stagedEvents(['one', 'two'], { headers, arrivalMs })), 'ok')
  await settled()
  assert.equal(counts.delivered, 2)
  const records = await read(2)
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
    const { placement, buffer, counts, settled, producers } = await rigFor(compression, { compression })
    const sent = Array.from({ length: 400 }, (_, index) => `{"n":${index},"text":"${'abc'.repeat(50)}"}`)
    assert.equal(buffer.offer(placement, stagedEvents(sent)), 'ok')
    await settled()
    assert.equal(counts.delivered, 400)
    assert.equal([...producers.all()][0]?.[1].stats.failed, 0)
  })
}

test('an event that the broker refuses is found and dropped alone', async () => {
  const { placement, buffer, counts, settled, read } = await rigFor('refused', {
    configs: { 'max.message.bytes': '20000' },
  })
  const sent = Array.from({ length: 40 }, (_, index) =>
    index === 17 ? 'B'.repeat(30_000) : `event ${index}`,
  )
  assert.equal(buffer.offer(placement, stagedEvents(sent)), 'ok')
  await settled()
  assert.deepEqual([counts.delivered, counts.dropped.get('broker-refused')], [39, 1])
  assert.equal(buffer.usedBytes, 0)
  const records = await read(39)
  assert.equal(records.length, 39)
})
