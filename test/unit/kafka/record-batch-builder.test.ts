import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sharedBodyMemory } from '../../../src/core/body-memory.ts'
import {
  type BufferSource,
  encodeFrame,
  maxEncodedBytes,
  RecordBatchBuilder,
} from '../../../src/kafka/record-batch-builder.ts'
import { pickRecords, restampBatch } from '../../../src/kafka/record-batch-edit.ts'
import { hasValidCrc, payloadOf, readBatches, visitRecords } from '../../../src/kafka/record-batch-reader.ts'
import { stagedEvents } from '../../support/staged-events.ts'

const plainSource: BufferSource = { take: (bytes) => Buffer.alloc(bytes, 0xee), give: () => undefined }

function build(
  events: readonly Buffer[],
  options: { key?: Buffer; headers?: [string, string][]; arrivalMs?: number } = {},
) {
  const headers = (options.headers ?? []).map(([name, value]) => ({
    name: Buffer.from(name),
    value: Buffer.from(value),
  }))
  const frame = encodeFrame(options.key, headers)
  const builder = new RecordBatchBuilder(plainSource, 64)
  const staged = stagedEvents(events, { arrivalMs: options.arrivalMs ?? 1000 })
  const next = builder.append(staged, frame, 0, 2 ** 24)
  assert.equal(next, events.length)
  assert.ok(builder.length <= 61 + maxEncodedBytes(frame, events.length, staged.body.length))
  return builder.seal().bytes
}

function read(bytes: Buffer) {
  const [batch, ...others] = readBatches(bytes)
  assert.ok(batch !== undefined && others.length === 0)
  assert.ok(hasValidCrc(batch))
  const records: {
    value: string
    key: string | null
    offset: number
    timestampMs: number
    headers: string
  }[] = []
  visitRecords(batch, payloadOf(batch), (record) => {
    const slice = (start: number, end: number) => record.payload.toString('latin1', start, end)
    records.push({
      value: slice(record.valueStart, record.valueEnd),
      key: record.keyStart < 0 ? null : slice(record.keyStart, record.keyEnd),
      offset: record.offsetDelta,
      timestampMs: record.timestampMs,
      headers: slice(record.headersStart, record.end),
    })
  })
  return { batch, records }
}

const anyEvents = fc.array(fc.uint8Array({ maxLength: 400 }).map(Buffer.from), {
  minLength: 1,
  maxLength: 60,
})

test('what was appended is what a reader finds, in order and with a right CRC', () => {
  fc.assert(
    fc.property(anyEvents, fc.option(fc.string({ maxLength: 200 })), (events, key) => {
      const { batch, records } = read(build(events, key === null ? {} : { key: Buffer.from(key, 'latin1') }))
      assert.deepEqual(
        records.map(({ value }) => value),
        events.map((event) => event.toString('latin1')),
      )
      assert.deepEqual(
        records.map(({ offset }) => offset),
        events.map((_, index) => index),
      )
      assert.ok(records.every((record) => record.key === key && record.timestampMs === 1000))
      assert.equal(batch.baseOffset, 0)
    }),
  )
})

test('requests of different times share a batch, and a clock that was set back makes no negative delta', () => {
  const builder = new RecordBatchBuilder(plainSource, 4096)
  const frame = encodeFrame(undefined, [])
  for (const arrivalMs of [5000, 5250, 4000])
    builder.append(stagedEvents(['x'], { arrivalMs }), frame, 0, 2 ** 20)
  const { batch, records } = read(builder.seal().bytes)
  assert.deepEqual(
    records.map(({ timestampMs }) => timestampMs),
    [5000, 5250, 5000],
  )
  assert.deepEqual([batch.baseTimestampMs, batch.maxTimestampMs], [5000, 5250])
})

test('a batch ends at its limit, and takes one event of any size when it is empty', () => {
  const frame = encodeFrame(undefined, [])
  const events = stagedEvents([Buffer.alloc(900), Buffer.alloc(50), Buffer.alloc(900)])
  const first = new RecordBatchBuilder(plainSource, 64)
  assert.equal(first.append(events, frame, 0, 1024), 1)
  const second = new RecordBatchBuilder(plainSource, 64)
  assert.equal(second.append(events, frame, 1, 1100), 3)
  const third = new RecordBatchBuilder(plainSource, 64)
  assert.equal(third.append(stagedEvents([Buffer.alloc(5000)]), frame, 0, 1024), 1)
})

/** Batches of one request after another, the bodies held by the body memory or not. */
function buildAll(
  requests: readonly { events: readonly Buffer[]; arrivalMs: number }[],
  settings: { held: boolean; key: Buffer | undefined; headers: [string, string][]; limitBytes: number },
): Buffer[] {
  const headers = settings.headers.map(([name, value]) => ({
    name: Buffer.from(name),
    value: Buffer.from(value),
  }))
  const frame = encodeFrame(settings.key, headers)
  const batches: Buffer[] = []
  let builder = new RecordBatchBuilder(plainSource, 64)
  for (const { events, arrivalMs } of requests) {
    const plain = stagedEvents(events, { arrivalMs })
    const staged = { ...plain, bounds: Int32Array.from(plain.bounds) }
    if (settings.held) assert.ok(sharedBodyMemory()?.load(staged.body))
    else sharedBodyMemory()?.forget()
    for (let index = 0; index < staged.count; ) {
      index = builder.append(staged, frame, index, settings.limitBytes)
      if (index === staged.count) break
      batches.push(builder.seal().bytes)
      builder = new RecordBatchBuilder(plainSource, 64)
    }
  }
  return [...batches, builder.seal().bytes]
}

test('the body memory encodes the same batches, whatever key, headers, limit and times', () => {
  const anyRequests = fc.array(
    fc.record({
      events: anyEvents,
      arrivalMs: fc.constantFrom(1000, 1063, 1064, 9192, 9193, 900, 3e9, 1e13),
    }),
    { minLength: 1, maxLength: 4 },
  )
  const anyHeaders = fc.array(fc.tuple(fc.string({ maxLength: 30 }), fc.string({ maxLength: 200 })), {
    maxLength: 3,
  })
  const anyKey = fc.option(fc.uint8Array({ maxLength: 100 }).map(Buffer.from), { nil: undefined })
  const anyLimit = fc.constantFrom(62, 100, 500, 1000, 4096, 2 ** 20)
  fc.assert(
    fc.property(anyRequests, anyKey, anyHeaders, anyLimit, (requests, key, headers, limitBytes) => {
      const settings = { key, headers, limitBytes }
      assert.deepEqual(
        buildAll(requests, { ...settings, held: true }),
        buildAll(requests, { ...settings, held: false }),
      )
    }),
    { numRuns: 300 },
  )
})

test('more events, bytes and key than the body memory encodes at once', () => {
  const events = Array.from({ length: 10_000 }, (_, index) => Buffer.from(`event ${index}`))
  const large = [Buffer.alloc(200_000, 'a'), Buffer.alloc(300_000, 'b'), Buffer.alloc(100_000, 'c')]
  for (const key of [undefined, Buffer.alloc(20_000, 'k')]) {
    const requests = [
      { events: key === undefined ? events : events.slice(0, 20), arrivalMs: 1 },
      { events: large, arrivalMs: 2 },
    ]
    const settings = { key, headers: [], limitBytes: 2 ** 20 }
    assert.deepEqual(
      buildAll(requests, { ...settings, held: true }),
      buildAll(requests, { ...settings, held: false }),
    )
  }
})

test('picking records keeps them byte for byte and renumbers them', () => {
  fc.assert(
    fc.property(anyEvents, fc.infiniteStream(fc.boolean()), (events, stream) => {
      const keeps = events.map(() => stream.next().value as boolean)
      const bytes = build(events, { key: Buffer.from('k'), headers: [['h', 'v']] })
      const picked = pickRecords(bytes, (index) => keeps[index] === true)
      const expected = events.filter((_, index) => keeps[index]).map((event) => event.toString('latin1'))
      if (picked === undefined) {
        assert.deepEqual(expected, [])
        return
      }
      const { records } = read(picked)
      assert.deepEqual(
        records.map(({ value }) => value),
        expected,
      )
      assert.ok(records.every((record, index) => record.offset === index && record.key === 'k'))
    }),
  )
})

test('a new time stamp moves all records of a batch', () => {
  const bytes = build([Buffer.from('a'), Buffer.from('b')], { arrivalMs: 77 })
  restampBatch(bytes, 99_000)
  const { records } = read(bytes)
  assert.deepEqual(
    records.map(({ timestampMs }) => timestampMs),
    [99_000, 99_000],
  )
})
