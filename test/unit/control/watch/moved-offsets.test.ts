import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { movement, nextRates } from '../../../../src/control/watch/moved-offsets.ts'
import { countPartitions } from '../../../../src/control/watch/partition-counts.ts'

const sample = (topics: Readonly<Record<string, readonly number[]>>) =>
  new Map(Object.entries(topics).map(([topic, offsets]) => [topic, new Map(offsets.entries())]))

describe('offsets that move', () => {
  it('count partitions and records that were added', () => {
    const moved = movement(sample({ a: [10, 20, 30], b: [1] }), sample({ a: [15, 20, 31], b: [1] }))
    assert.equal(moved.moved, 2)
    assert.equal(moved.records, 6)
    assert.deepEqual(
      [...moved.byTopic],
      [
        ['a', 6],
        ['b', 0],
      ],
    )
  })

  it('say nothing of partitions that were not sampled before, nor of a log that was made anew', () => {
    const moved = movement(sample({ a: [100] }), sample({ a: [3, 50], new: [7] }))
    assert.equal(moved.moved, 0)
    assert.equal(moved.records, 0)
    assert.deepEqual([...moved.byTopic], [['a', 0]])
  })
})

describe('records a second', () => {
  it('begin with the first measurement and follow slowly', () => {
    const first = nextRates(new Map(), movement(sample({ a: [0] }), sample({ a: [500] })), 5)
    assert.equal(first.get('a'), 100)
    const second = nextRates(first, movement(sample({ a: [0] }), sample({ a: [1000] })), 5)
    assert.equal(second.get('a'), 130)
  })

  it('let a topic cool down while others flow', () => {
    const before = new Map([
      ['a', 100],
      ['b', 10],
    ])
    const after = nextRates(before, movement(sample({ a: [5], b: [0] }), sample({ a: [5], b: [50] })), 5)
    assert.equal(after.get('a'), 70)
    assert.equal(after.get('b'), 10)
  })

  it('stay when nothing flows at all, or no time has passed', () => {
    const rates = new Map([['a', 100]])
    assert.equal(nextRates(rates, movement(sample({ a: [5] }), sample({ a: [5] })), 5), rates)
    assert.equal(nextRates(rates, movement(sample({ a: [5] }), sample({ a: [9] })), 0), rates)
  })
})

describe('partitions', () => {
  it('are counted with those that lack a leader or a replica in sync', () => {
    const partition = (leader: number, isr: readonly number[]) => ({
      partitionErrorCode: 0,
      partitionId: 0,
      leader,
      replicas: [1, 2],
      isr,
    })
    const topics = [
      {
        topicErrorCode: 0,
        topic: 'a',
        partitionMetadata: [partition(1, [1, 2]), partition(2, [2]), partition(-1, [1])],
      },
      { topicErrorCode: 3, topic: 'gone', partitionMetadata: [] },
    ]
    assert.deepEqual(countPartitions(topics), { known: 3, withoutLeader: 1, underReplicated: 2 })
  })
})
