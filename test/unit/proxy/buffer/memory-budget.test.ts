import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { capacityFor, growthBound, MemoryBudget } from '../../../../src/proxy/buffer/memory-budget.ts'

const mebibyte = 2 ** 20

test('what is taken is charged by capacity, what is given back is free again', () => {
  const budget = new MemoryBudget({ limitBytes: 10 * mebibyte, poolBytes: mebibyte })
  const source = budget.sourceFor('a.b')
  const buffer = source.take(5000)
  assert.deepEqual([buffer.length, budget.usedBytes, budget.topicBytes('a.b')], [8192, 8192, 8192])
  source.give(buffer)
  assert.deepEqual([budget.usedBytes, [...budget.topics()]], [0, []])
  assert.equal(source.take(6000), buffer)
})

test('the limit holds, and a share binds only once the buffer is half full', () => {
  const budget = new MemoryBudget({ limitBytes: 10 * mebibyte, poolBytes: 0 })
  budget.charge('flood', 4 * mebibyte)
  budget.charge('other', mebibyte / 2)
  assert.ok(budget.hasRoom('flood', mebibyte / 2))
  assert.ok(!budget.hasRoom('flood', 2 * mebibyte), 'over half full, and more than a half of it')
  assert.ok(budget.hasRoom('other', 2 * mebibyte))
  assert.ok(!budget.hasRoom('other', 6 * mebibyte), 'over the limit')
})

test('a topic gets a mebibyte however many others there are', () => {
  const budget = new MemoryBudget({ limitBytes: 64 * mebibyte, poolBytes: 0 })
  for (let index = 0; index < 400; index += 1) budget.charge(`t.${index}`, 100_000)
  assert.ok(budget.hasRoom('t.0', mebibyte - 100_000))
  assert.ok(!budget.hasRoom('t.0', mebibyte))
})

test('capacity is at most twice the wish, and growthBound is an upper bound of any sequence of batches', () => {
  fc.assert(
    fc.property(fc.nat({ max: 40 * mebibyte }), (bytes) => {
      const capacity = capacityFor(bytes)
      assert.ok(capacity >= bytes && capacity <= growthBound(bytes))
    }),
  )
})
