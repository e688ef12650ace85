import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { imbalance, Ledger } from '../../../../src/core/outcome.ts'
import type { TopicPlacement } from '../../../../src/core/placement.ts'
import type { OutgoingBatch } from '../../../../src/kafka/outgoing-batch.ts'
import { EventBuffer } from '../../../../src/proxy/buffer/event-buffer.ts'
import { stagedEvents } from '../../../support/staged-events.ts'

const placement: TopicPlacement = {
  topic: 'a.b',
  delivery: 'fast',
  cluster: 'c',
  holders: ['c'],
  partitions: 4,
  maxEventBytes: 2 ** 20,
  check: 'structure',
  eventId: 'none',
  compression: 'none',
  mediaTypes: [],
}
const durable: TopicPlacement = { ...placement, delivery: 'durable' }

/** A buffer whose batches wait in a list, with a clock that stands still; `flush` stands for lingering. */
function makeBuffer(limitBytes = 2 ** 20, maxBufferRecords = 0, batchBytes = 8192) {
  const ledger = new Ledger()
  const batches: OutgoingBatch[] = []
  const clock = { monotonicMs: () => 0, wallMs: () => 1_000_000 }
  const buffer = new EventBuffer({
    limitBytes,
    maxBufferRecords,
    batchBytes,
    lingerMs: 1_000_000,
    deliveryTimeoutMs: 1000,
    clock,
    ledger,
    submit: (batch) => batches.push(batch),
  })
  return { buffer, batches, counts: ledger.topic('a.b') }
}

const acked = { kind: 'acked', partition: 0, baseOffset: 0n } as const

test('a full buffer refuses the whole request at once and takes nothing of it', () => {
  const { buffer, counts } = makeBuffer(100_000)
  const events = stagedEvents(Array.from({ length: 100 }, () => 'x'.repeat(300)))
  assert.equal(buffer.offer(placement, events), 'ok')
  const used = buffer.usedBytes
  assert.equal(buffer.offer(placement, events), 'full')
  assert.deepEqual([buffer.usedBytes, counts.received, counts.inFlight], [used, 100, 100])
  assert.equal(buffer.tryReserve(placement, 90_000), 'too-large')
})

test('tiny events are bounded by their number, and more at once than ever fit are too large', () => {
  const { buffer, batches, counts } = makeBuffer(2 ** 20, 100)
  const tiny = (count: number) => stagedEvents(Array.from({ length: count }, () => 'x'))
  assert.equal(buffer.offer(placement, tiny(101)), 'too-large')
  assert.equal(buffer.offer(placement, tiny(60)), 'ok')
  assert.equal(buffer.offer(placement, tiny(41)), 'full')
  assert.equal(buffer.offer(placement, tiny(40)), 'ok')
  assert.deepEqual([buffer.records.used, counts.inFlight], [100, 100])
  buffer.flush()
  for (const batch of batches) if (batch.take() !== undefined) batch.settled(acked)
  assert.deepEqual([buffer.records.used, buffer.offer(placement, tiny(100))], [0, 'ok'])
  assert.equal(makeBuffer(2 ** 20).buffer.records.limit, 16_384)
})

test('events whose encoding could never fit are too large, not refused for now', () => {
  const { buffer } = makeBuffer(100_000, 1_000_000)
  assert.equal(buffer.offer(placement, stagedEvents(Array.from({ length: 2500 }, () => 'x'))), 'too-large')
})

test('events that the producer has not asked for are withdrawn, the others stay unknown', () => {
  const { buffer, batches, counts } = makeBuffer()
  const first = buffer.offerDurable(durable, stagedEvents(['a', 'b']))
  const second = buffer.offerDurable(durable, stagedEvents(['c', 'd', 'e']))
  assert.ok(typeof first !== 'string' && typeof second !== 'string')
  buffer.flush()
  buffer.withdraw(durable, first)
  assert.deepEqual([first.failed, first.unknown, counts.rejected.get('ack-timeout')], [2, 0, 2])
  const [batch] = batches
  assert.ok(batch !== undefined)
  assert.equal(batch.take()?.readInt32BE(57), 3)
  buffer.withdraw(durable, second)
  assert.deepEqual([second.failed, second.unknown], [0, 3])
  batch.settled(acked)
  assert.deepEqual([second.delivered, counts.delivered, counts.inFlight, imbalance(counts)], [3, 3, 0, 0])
  assert.equal(buffer.usedBytes, 0)
})

test('a batch whose events were all withdrawn is never sent', () => {
  const { buffer, batches, counts } = makeBuffer()
  const tally = buffer.offerDurable(durable, stagedEvents(['a']))
  assert.ok(typeof tally !== 'string')
  buffer.flush()
  buffer.withdraw(durable, tally)
  assert.equal(batches[0]?.take(), undefined)
  assert.deepEqual([counts.inFlight, buffer.usedBytes, imbalance(counts)], [0, 0, 0])
})

test('while a batch waits unsent, the next ones gather instead of making small batches', () => {
  const { buffer, batches } = makeBuffer()
  buffer.offer(placement, stagedEvents(['a']))
  buffer.flush()
  for (let index = 0; index < 20; index += 1) buffer.offer(placement, stagedEvents([`event ${index}`]))
  assert.equal(batches.length, 1)
})

test('each way of giving up has its reason', () => {
  const table = [
    [{ kind: 'gave-up', at: 'deadline', maybeWritten: false }, 'expired'],
    [{ kind: 'gave-up', at: 'deadline', maybeWritten: true }, 'ambiguous'],
    [{ kind: 'gave-up', at: 'close', maybeWritten: false }, 'shutdown'],
    [{ kind: 'refused', code: 29, detail: '' }, 'broker-refused'],
  ] as const
  for (const [outcome, reason] of table) {
    const { buffer, batches, counts } = makeBuffer()
    buffer.offer(placement, stagedEvents(['a', 'b']))
    buffer.flush()
    batches[0]?.take()
    batches[0]?.settled(outcome)
    assert.deepEqual([counts.dropped.get(reason), counts.inFlight, buffer.usedBytes], [2, 0, 0], reason)
  }
})

test('the broker refuses one event of a durable batch: it alone is rejected', () => {
  const { buffer, batches, counts } = makeBuffer()
  const tally = buffer.offerDurable(durable, stagedEvents(['good', 'bad', 'fine']))
  assert.ok(typeof tally !== 'string')
  buffer.flush()
  for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
    const bytes = batch.take()
    assert.ok(bytes !== undefined)
    batch.settled(bytes.includes('bad') ? { kind: 'refused', code: 87, detail: '' } : acked)
  }
  assert.deepEqual([tally.delivered, tally.failed, tally.refused, tally.unknown], [2, 1, 1, 0])
  assert.deepEqual([counts.rejected.get('broker-refused'), counts.delivered, imbalance(counts)], [1, 2, 0])
  assert.equal(buffer.usedBytes, 0)
})

test('a refused time stamp is replaced once, not dropped', () => {
  const { buffer, batches, counts } = makeBuffer()
  buffer.offer(placement, stagedEvents(['a'], { arrivalMs: 5 }))
  buffer.flush()
  batches[0]?.take()
  batches[0]?.settled({ kind: 'refused', code: 32, detail: '' })
  const again = batches[1]?.take()
  assert.equal(again?.readBigInt64BE(27), 1_000_000n)
  batches[1]?.settled(acked)
  assert.deepEqual([counts.delivered, counts.inFlight], [1, 0])
})

test('the books balance and all memory comes back, whatever happens to the batches', () => {
  const anyRequest = fc.record({
    sizes: fc.array(fc.nat({ max: 5000 }), { maxLength: 12 }),
    key: fc.option(fc.constantFrom('k1', 'k2'), { nil: undefined }),
    durable: fc.boolean(),
    withdraw: fc.boolean(),
  })
  const anyFate = fc.constantFrom('ack', 'refuse-all', 'too-large', 'expire', 'ambiguous')
  fc.assert(
    fc.property(fc.array(anyRequest, { maxLength: 25 }), fc.infiniteStream(anyFate), (requests, fates) => {
      const { buffer, batches, counts } = makeBuffer(300_000)
      for (const { sizes, key, durable: wantsAcks, withdraw } of requests) {
        const extra = key === undefined ? {} : { key: Buffer.from(key) }
        const events = stagedEvents(
          sizes.map((size) => Buffer.alloc(size, 'e')),
          extra,
        )
        if (!wantsAcks) buffer.offer(placement, events)
        else {
          const tally = buffer.offerDurable(durable, events)
          if (withdraw && typeof tally !== 'string') buffer.withdraw(durable, tally)
        }
        assert.equal(imbalance(counts), 0)
        assert.ok(buffer.usedBytes <= buffer.limitBytes)
        assert.equal(buffer.records.used, counts.inFlight)
      }
      buffer.flush()
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
        settle(batch, fates.next().value)
        assert.equal(imbalance(counts), 0)
        assert.equal(buffer.records.ofTopic('a.b'), counts.inFlight)
      }
      assert.deepEqual([counts.inFlight, buffer.usedBytes], [0, 0])
    }),
  )
})

test('a buffer that nothing leaves fills to its limit and never beyond, whatever the sizes', () => {
  const anySize = fc.oneof(fc.nat({ max: 700 }), fc.nat({ max: 70_000 }))
  fc.assert(
    fc.property(
      fc.array(anySize, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 5 }),
      (sizes, topics) => {
        const { buffer } = makeBuffer(4 * 2 ** 20, 0, 256 * 1024)
        let refused = 0
        for (let turn = 0; refused < 20 && turn < 50_000; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 0
          const at = { ...placement, topic: `a.b${turn % topics}` }
          const answer = buffer.offer(at, stagedEvents([Buffer.alloc(size, 'e')], {}))
          refused = answer === 'ok' ? 0 : refused + 1
          assert.ok(buffer.usedBytes <= buffer.limitBytes, `${buffer.usedBytes} of ${buffer.limitBytes}`)
          if (turn % 3 === 0) buffer.flush()
        }
        assert.ok(refused > 0)
      },
    ),
    { numRuns: 20 },
  )
})

test('the limit holds too where a batch has more memory than it may take, and where settings change in between', () => {
  const anyRun = fc.record({
    batchBytes: fc.integer({ min: 4096, max: 34_000 }),
    limitBytes: fc.integer({ min: 2 ** 20, max: 2 ** 21 }),
    topics: fc.integer({ min: 20, max: 100 }),
    share: fc.double({ min: 0.2, max: 0.6, noNaN: true }),
    changes: fc.boolean(),
  })
  fc.assert(
    fc.property(anyRun, ({ batchBytes, limitBytes, topics, share, changes }) => {
      const { buffer } = makeBuffer(limitBytes, 0, batchBytes)
      const events = stagedEvents([Buffer.alloc(Math.floor(share * batchBytes), 'e')])
      for (let turn = 0, refused = 0; refused < topics; turn += 1) {
        const settings = changes && Math.floor(turn / topics) % 2 === 1 ? durable : placement
        const answer = buffer.offer({ ...settings, topic: `a.b${turn % topics}` }, events)
        refused = answer === 'ok' ? 0 : refused + 1
        assert.ok(buffer.usedBytes <= limitBytes, `${buffer.usedBytes} of ${limitBytes}`)
      }
    }),
    { numRuns: 200 },
  )
})

function settle(batch: OutgoingBatch, fate: string | undefined): void {
  if (fate === 'expire') {
    batch.settled({ kind: 'gave-up', at: 'deadline', maybeWritten: false })
    return
  }
  if (batch.take() === undefined) return
  if (fate === 'ack') batch.settled(acked)
  else if (fate === 'refuse-all') batch.settled({ kind: 'refused', code: 29, detail: '' })
  else if (fate === 'too-large') batch.settled({ kind: 'refused', code: 10, detail: '' })
  else {
    batch.resent()
    batch.settled({ kind: 'gave-up', at: 'close', maybeWritten: true })
  }
}
