import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { hasValidCrc, payloadOf, readBatches } from '../../../src/kafka/record-batch-reader.ts'
import { WireError } from '../../../src/kafka/wire-reader.ts'
import { decodeRecords, encodeBatch, makeBatch, recordsOf, type SampleRecord } from './batch-samples.ts'

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const nullable = fc.option(bytes, { nil: undefined })
const records: fc.Arbitrary<SampleRecord[]> = fc
  .array(
    fc.record({
      key: nullable,
      value: nullable,
      headers: fc.array(fc.tuple(fc.string({ maxLength: 20 }), nullable), { maxLength: 4 }),
      timestampMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((list) => list.map((record, offsetDelta) => ({ ...record, offsetDelta })))

describe('the reader of record batches', () => {
  it('reads every field of every record', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (list) => {
        const batch = await makeBatch({ records: list, baseOffset: 1000 })
        assert.ok(hasValidCrc(batch))
        assert.deepEqual(decodeRecords(batch, payloadOf(batch)), list)
      }),
    )
  })

  it('finds the batches and leaves out the one that was cut off', async () => {
    const first = await encodeBatch({ records: recordsOf('a', 'b'), baseOffset: 10, leaderEpoch: 7 })
    const second = await encodeBatch({ records: recordsOf('c'), baseOffset: 12, producerId: 5n })
    const both = Buffer.concat([first, second])
    for (let end = first.length; end < both.length; end += 1) {
      assert.equal(readBatches(both.subarray(0, end)).length, 1, `${end} of ${both.length} bytes`)
    }
    const [a, b] = readBatches(both)
    assert.deepEqual([a?.baseOffset, a?.lastOffset, a?.leaderEpoch, a?.count], [10, 11, 7, 2])
    assert.deepEqual([b?.baseOffset, b?.lastOffset, b?.producerId], [12, 12, 5n])
    assert.equal(a?.bytes.buffer, both.buffer, 'nothing was copied')
  })

  it('notices a flipped bit', async () => {
    const encoded = await encodeBatch({ records: recordsOf('hello') })
    encoded[encoded.length - 3] = (encoded.at(-3) ?? 0) ^ 1
    assert.ok(readBatches(encoded).every((batch) => !hasValidCrc(batch)))
  })

  const headers: readonly (readonly [string, (batch: Buffer) => void])[] = [
    ['another format', (batch) => batch.writeInt8(1, 16)],
    ['a length below the header', (batch) => batch.writeInt32BE(20, 8)],
    ['a negative length', (batch) => batch.writeInt32BE(-1, 8)],
    ['a negative offset', (batch) => batch.writeBigInt64BE(-5n, 0)],
    ['an offset beyond 2^53', (batch) => batch.writeBigInt64BE(2n ** 60n, 0)],
    ['a last offset before the first', (batch) => batch.writeInt32BE(-3, 23)],
    ['a negative count', (batch) => batch.writeInt32BE(-1, 57)],
  ]
  for (const [what, spoil] of headers) {
    it(`refuses ${what}`, async () => {
      const encoded = await encodeBatch({ records: recordsOf('a') })
      spoil(encoded)
      assert.throws(() => readBatches(encoded), WireError)
    })
  }

  it('never reads or allocates beyond hostile records', async () => {
    const batch = await makeBatch({ records: recordsOf('{"some":"value"}', 'another', 'third') })
    const payload = payloadOf(batch)
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.nat(255), (at, byte) => {
        const hostile = Buffer.from(payload)
        hostile[at] = byte
        try {
          decodeRecords(batch, hostile)
        } catch (error) {
          assert.ok(error instanceof WireError, String(error))
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses a count that is not that of the records', async () => {
    for (const count of [1, 3]) {
      const encoded = await encodeBatch({ records: recordsOf('a', 'b') })
      encoded.writeInt32BE(count, 57)
      const [batch] = readBatches(encoded)
      assert.ok(batch !== undefined)
      assert.throws(() => decodeRecords(batch, payloadOf(batch)), WireError)
    }
  })

  it('takes the time of the append for all records where the batch says so', async () => {
    const batch = await makeBatch({ records: recordsOf('a', 'b', 'c'), attributes: 8 })
    assert.deepEqual(
      decodeRecords(batch, payloadOf(batch)).map(({ timestampMs }) => timestampMs),
      [1002, 1002, 1002],
    )
  })
})
