import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AbortedTransaction, committedBatches } from '../../../router/transform/committed.ts'
import { makeBatch, recordsOf, type SampleBatch } from '../kafka/batch-samples.ts'

const transactional = 16
const control = 32

function data(baseOffset: number, producerId: bigint): SampleBatch {
  return { baseOffset, producerId, attributes: transactional, records: recordsOf('a', 'b') }
}

function plain(baseOffset: number): SampleBatch {
  return { baseOffset, records: recordsOf('a', 'b') }
}

function marker(baseOffset: number, producerId: bigint, type: 'abort' | 'commit'): SampleBatch {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const [record] = recordsOf('')
  return {
    baseOffset,
    producerId,
    attributes: transactional | control,
    records: record === undefined ? [] : [{ ...record, key }],
  }
}

describe('committed batches', () => {
  const rows: readonly (readonly [
    string,
    readonly SampleBatch[],
    readonly AbortedTransaction[],
    readonly number[],
  ])[] = [
    ['without transactions all pass', [plain(0), plain(2)], [], [0, 2]],
    ['a committed transaction passes, its marker does not', [data(0, 1n), marker(2, 1n, 'commit')], [], [0]],
    [
      'an aborted transaction does not pass',
      [data(0, 1n), plain(2), marker(4, 1n, 'abort'), plain(5)],
      [{ producerId: 1n, firstOffset: 0 }],
      [2, 5],
    ],
    [
      'the same producer passes again after its abort marker',
      [data(0, 1n), marker(2, 1n, 'abort'), data(3, 1n), marker(5, 1n, 'commit')],
      [{ producerId: 1n, firstOffset: 0 }],
      [3],
    ],
    [
      'a producer passes before the transaction that it aborts begins',
      [data(0, 1n), marker(2, 1n, 'commit'), data(3, 1n), marker(5, 1n, 'abort')],
      [{ producerId: 1n, firstOffset: 3 }],
      [0],
    ],
    [
      'interleaved transactions are told apart',
      [data(0, 1n), data(2, 2n), data(4, 1n), marker(6, 2n, 'abort'), marker(7, 1n, 'commit')],
      [{ producerId: 2n, firstOffset: 2 }],
      [0, 4],
    ],
    [
      'one that began before this answer is told by its first offset',
      [data(100, 1n), marker(102, 1n, 'abort')],
      [{ producerId: 1n, firstOffset: 7 }],
      [],
    ],
    [
      'several aborts of one producer in any order of the list',
      [data(0, 1n), marker(2, 1n, 'abort'), data(3, 1n), marker(5, 1n, 'abort'), data(6, 1n)],
      [
        { producerId: 1n, firstOffset: 3 },
        { producerId: 1n, firstOffset: 0 },
      ],
      [6],
    ],
    [
      'an idempotent producer without transactions always passes',
      [{ ...data(0, 1n), attributes: 0 }],
      [{ producerId: 1n, firstOffset: 0 }],
      [0],
    ],
  ]
  for (const [name, samples, aborted, expected] of rows) {
    it(name, async () => {
      const batches = await Promise.all(samples.map(makeBatch))
      assert.deepEqual(
        committedBatches(batches, aborted).map(({ baseOffset }) => baseOffset),
        expected,
      )
    })
  }
})
