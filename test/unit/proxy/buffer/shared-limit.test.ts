import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SharedLimit } from '../../../../src/proxy/buffer/shared-limit.ts'

const limitOf = (limit = 1000, smallestShare = 10) => new SharedLimit({ limit, smallestShare })

const placed = new Map([
  ['a.1', 'a'],
  ['a.2', 'a'],
  ['b.1', 'b'],
])

test('it is counted per topic, per cluster and in total, and a moved topic takes what it holds along', () => {
  const limit = limitOf()
  limit.place(placed)
  limit.add('a.1', 30)
  limit.add('a.2', 20)
  limit.add('b.1', 7)
  limit.remove('a.2', 20)
  assert.deepEqual([limit.used, limit.ofTopic('a.1'), limit.ofTopic('a.2')], [37, 30, 0])
  assert.deepEqual([limit.ofCluster('a'), limit.ofCluster('b'), limit.ofCluster('?')], [30, 7, 0])
  assert.deepEqual([...limit.topics()], ['a.1', 'b.1'])
  limit.place(new Map([...placed, ['a.1', 'b']]))
  assert.deepEqual([limit.ofCluster('a'), limit.ofCluster('b')], [0, 37])
  limit.remove('a.1', 30)
  limit.remove('b.1', 7)
  assert.deepEqual([limit.used, limit.ofCluster('b'), [...limit.topics()]], [0, 0, []])
})

test('whoever holds least is the last to be refused', () => {
  const rows = [
    { name: 'alone: all of it', clusters: ['a'], held: { 'a.1': 0 }, asks: 'a.1', fits: 1000 },
    {
      name: 'a flood, another topic holds something',
      clusters: ['a'],
      held: { 'a.1': 400, 'a.2': 1 },
      asks: 'a.1',
      fits: 100,
    },
    { name: 'the other topic', clusters: ['a'], held: { 'a.1': 500, 'a.2': 1 }, asks: 'a.2', fits: 499 },
    {
      name: 'a cluster of two, the other one holds nothing',
      clusters: ['a', 'b'],
      held: { 'a.1': 499 },
      asks: 'a.2',
      fits: 1,
    },
    {
      name: 'the other cluster',
      clusters: ['a', 'b'],
      held: { 'a.1': 250, 'a.2': 250 },
      asks: 'b.1',
      fits: 333,
    },
    {
      name: 'the smallest share',
      clusters: ['a'],
      held: { 'a.1': 985, 'a.2': 1 },
      asks: 'a.3',
      fits: 14,
      smallestShare: 20,
    },
  ] as const
  for (const { name, clusters, held, asks, fits, ...more } of rows) {
    const limit = limitOf(1000, 'smallestShare' in more ? more.smallestShare : 10)
    limit.place(new Map(clusters.map((cluster) => [`${cluster}.1`, cluster])))
    if (clusters.some((cluster) => cluster === 'a')) {
      limit.place(
        new Map([
          ...clusters.map((cluster) => [`${cluster}.1`, cluster] as const),
          ['a.2', 'a'],
          ['a.3', 'a'],
        ]),
      )
    }
    for (const [topic, amount] of Object.entries(held)) if (amount > 0) limit.add(topic, amount)
    assert.ok(limit.hasRoom(asks, fits), `${name}: ${fits} fit`)
    assert.ok(!limit.hasRoom(asks, fits + 1), `${name}: ${fits + 1} do not`)
  }
})

test('what one cluster holds can never take all of it while topics are placed on two', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 50 }), (asks) => {
      const limit = limitOf()
      limit.place(placed)
      for (const [index, amount] of asks.entries()) {
        const topic = index % 2 === 0 ? 'a.1' : 'a.2'
        if (limit.hasRoom(topic, amount)) limit.add(topic, amount)
      }
      assert.ok(limit.ofCluster('a') <= 500)
      assert.ok(limit.hasRoom('b.1', 300))
    }),
  )
})
