import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { judgePassThrough, rewriteInPlace } from '../../../router/transform/pass-through.ts'
import { inflate, reencode } from '../../../router/transform/re-encode.ts'
import {
  hasValidCrc,
  payloadOf,
  type RecordBatch,
  readBatches,
} from '../../../src/kafka/record-batch-reader.ts'
import { decodeRecords, makeBatch, recordsOf, type SampleBatch } from '../kafka/batch-samples.ts'

function only(bytes: Buffer): RecordBatch {
  const [batch] = readBatches(bytes)
  assert.ok(batch !== undefined)
  assert.equal(batch.bytes.length, bytes.length)
  return batch
}

describe('pass-through', () => {
  const rows: readonly (readonly [string, SampleBatch, number, string])[] = [
    ['a whole batch', { records: recordsOf('a', 'b'), baseOffset: 5 }, 5, 'as-is'],
    ['one that was asked for from before it', { records: recordsOf('a', 'b'), baseOffset: 5 }, 0, 'as-is'],
    ['a batch entered in the middle', { records: recordsOf('a', 'b'), baseOffset: 5 }, 6, 'trimmed'],
    ['a batch that is over', { records: recordsOf('a', 'b'), baseOffset: 5 }, 7, 'empty'],
    ['a compacted batch', { records: recordsOf('a', 'b'), lastOffsetDelta: 4 }, 0, 'compacted'],
    ['a batch that compaction emptied', { records: [], lastOffsetDelta: 4 }, 0, 'empty'],
    ['log append time', { records: recordsOf('a'), attributes: 8 }, 0, 'append-time'],
    ['a transactional batch', { records: recordsOf('a'), attributes: 16, producerId: 9n }, 0, 'as-is'],
    ['one with a delete horizon', { records: recordsOf('a'), attributes: 64 }, 0, 'as-is'],
  ]
  for (const [name, sample, fromOffset, expected] of rows) {
    it(`judges ${name}: ${expected}`, async () => {
      const verdict = judgePassThrough(await makeBatch(sample), fromOffset)
      assert.equal(verdict.kind === 're-encode' ? verdict.reason : verdict.kind, expected)
    })
  }

  it('changes nothing but offset and leader epoch of a batch without a producer', async () => {
    const batch = await makeBatch({ records: recordsOf('a', 'b'), baseOffset: 500, leaderEpoch: 9 })
    const before = Buffer.from(batch.bytes)
    const after = rewriteInPlace(batch)
    assert.equal(after.buffer, batch.bytes.buffer)
    assert.equal(after.readBigInt64BE(0), 0n)
    assert.equal(after.readInt32BE(12), -1)
    assert.deepEqual(after.subarray(8, 12), before.subarray(8, 12))
    assert.deepEqual(after.subarray(16), before.subarray(16))
    assert.equal(batch.baseOffset, 500, 'what was read stays')
  })

  it('takes the producer off, keeps the payload, and makes the CRC anew', async () => {
    const sample = fc.record({
      attributes: fc.constantFrom(0, 16, 64, 80),
      producerId: fc.option(fc.bigInt({ min: 0n, max: 2n ** 62n }), { nil: undefined }),
      codec: fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd'),
      values: fc.array(fc.string(), { minLength: 1 }),
    })
    await fc.assert(
      fc.asyncProperty(sample, async ({ attributes, producerId, codec, values }) => {
        const batch = await makeBatch({
          records: recordsOf(...values),
          baseOffset: 77,
          attributes,
          codec,
          ...(producerId === undefined ? {} : { producerId }),
        })
        const payload = Buffer.from(payloadOf(batch))
        const { attributes: before, ...rest } = batch
        const after = only(rewriteInPlace(batch))
        assert.ok(hasValidCrc(after))
        assert.deepEqual(payloadOf(after), payload)
        const { baseTimestampMs, maxTimestampMs, count } = rest
        assert.deepEqual(after, {
          bytes: batch.bytes,
          baseOffset: 0,
          lastOffset: count - 1,
          leaderEpoch: -1,
          attributes: before & 7,
          baseTimestampMs,
          maxTimestampMs,
          producerId: -1n,
          count,
        })
        assert.equal(after.bytes.readInt16BE(51), -1)
        assert.equal(after.bytes.readInt32BE(53), -1)
        assert.deepEqual(rewriteInPlace(batch), after.bytes, 'a repeat changes nothing')
      }),
    )
  })
})

describe('re-encoding', () => {
  const record = fc.record({
    key: fc.option(fc.uint8Array().map(Buffer.from), { nil: undefined }),
    value: fc.option(fc.uint8Array().map(Buffer.from), { nil: undefined }),
    headers: fc.array(fc.tuple(fc.string(), fc.option(fc.uint8Array().map(Buffer.from), { nil: undefined }))),
    timestampMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    gap: fc.nat(3),
  })

  it('keeps the records from an offset on as they are, without gaps', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 12 }),
        fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd'),
        fc.nat(20),
        async (list, codec, from) => {
          let offsetDelta = -1
          const records = list.map(({ gap, ...rest }) => {
            offsetDelta += 1 + gap
            return { ...rest, offsetDelta }
          })
          const batch = await makeBatch({ records, codec, baseOffset: 100 })
          const expected = records
            .filter((one) => 100 + one.offsetDelta >= 100 + from)
            .map((one, index) => ({ ...one, offsetDelta: index }))
          const made = await reencode(batch, 100 + from)
          if (made === undefined) {
            assert.equal(expected.length, 0)
            return
          }
          const after = only(made.bytes)
          assert.ok(hasValidCrc(after))
          assert.equal(made.count, expected.length)
          assert.deepEqual(judgePassThrough(after, 0), { kind: 'as-is' })
          assert.deepEqual(decodeRecords(after, await inflate(after)), expected)
          assert.equal(after.maxTimestampMs, Math.max(...expected.map(({ timestampMs }) => timestampMs)))
        },
      ),
    )
  })
})
