import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { murmur2 as theirs } from '@platformatic/kafka'
import fc from 'fast-check'
import { murmur2, partitionOfKey } from '../../../router/transform/murmur2.ts'
import { inflate } from '../../../router/transform/re-encode.ts'
import { Repartitioner } from '../../../router/transform/repartition.ts'
import { readBatches } from '../../../src/kafka/record-batch-reader.ts'
import { decodeRecords, makeBatch, recordsOf } from '../kafka/batch-samples.ts'

describe('murmur2', () => {
  // From Kafka's own UtilsTest.
  const known: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ]
  for (const [key, hash] of known) {
    it(`gives ${hash} for ${key}`, () => assert.equal(murmur2(Buffer.from(key)), hash))
  }

  it('agrees with another implementation on every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.equal(murmur2(bytes), Number(theirs(Buffer.from(bytes))) | 0)
      }),
    )
  })
})

describe('repartitioning', () => {
  it('puts every record where its key says, in order, and keeps those without a key together', async () => {
    const keys = fc.array(fc.option(fc.stringMatching(/^[a-e]{1,2}$/), { nil: undefined }), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(keys, fc.integer({ min: 1, max: 7 }), async (list, partitions) => {
        const records = recordsOf(...list.map((_, index) => String(index))).map((record, index) => ({
          ...record,
          key: list[index] === undefined ? undefined : Buffer.from(list[index]),
        }))
        const batch = await makeBatch({ records, codec: 'lz4' })
        const split = await new Repartitioner().split(batch, 0, partitions)
        const seen: number[] = []
        const unkeyed = new Set<number>()
        for (const { partition, bytes, count } of split) {
          const [made] = readBatches(bytes)
          assert.ok(made !== undefined)
          const values = decodeRecords(made, await inflate(made)).map(({ key, value }) => {
            if (key === undefined) unkeyed.add(partition)
            else assert.equal(partition, partitionOfKey(key, partitions))
            return Number(String(value))
          })
          assert.equal(values.length, count)
          assert.deepEqual(
            values,
            values.toSorted((a, b) => a - b),
          )
          seen.push(...values)
        }
        assert.ok(unkeyed.size <= 1)
        assert.deepEqual(
          seen.sort((a, b) => a - b),
          list.map((_, index) => index),
        )
      }),
    )
  })
})
