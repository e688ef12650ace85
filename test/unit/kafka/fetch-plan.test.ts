import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type FetchCandidate, planFetch } from '../../../src/kafka/fetch-plan.ts'

const limits = { maxWaitMs: 500, maxBytes: 1000 }

interface Reader extends FetchCandidate {
  readonly reader: string
}

function reader(reader: string, changes: Partial<FetchCandidate> = {}): Reader {
  return {
    reader,
    topicId: 'a',
    partition: 0,
    fetchOffset: 5,
    currentLeaderEpoch: 1,
    lastFetchedEpoch: 1,
    maxBytes: 100,
    behind: false,
    lastRound: 0,
    ...changes,
  }
}

describe('the plan of a fetch', () => {
  const rows: readonly (readonly [string, readonly Reader[], readonly string[], number])[] = [
    ['one reader waits at the broker', [reader('x')], ['x'], 500],
    ['two at the end of a partition: one waits for both', [reader('x'), reader('y')], ['x'], 500],
    [
      'the one that is behind goes first; the other misses nothing by that',
      [reader('x'), reader('y', { behind: true })],
      ['y'],
      500,
    ],
    [
      'both behind: the one served longest ago; the other must not wait',
      [reader('x', { behind: true, lastRound: 4 }), reader('y', { behind: true, lastRound: 3 })],
      ['y'],
      0,
    ],
    [
      'other partitions are asked for beside',
      [reader('x', { behind: true }), reader('y', { partition: 1 }), reader('z', { topicId: 'b' })],
      ['x', 'y', 'z'],
      500,
    ],
    [
      'those served longest ago come first in the request',
      [reader('x', { lastRound: 9 }), reader('y', { partition: 1, lastRound: 2 })],
      ['y', 'x'],
      500,
    ],
  ]
  for (const [name, candidates, chosen, maxWaitMs] of rows) {
    it(name, () => {
      const plan = planFetch(candidates, limits)
      assert.deepEqual(
        plan.chosen.map((one) => one.reader),
        chosen,
      )
      assert.equal(plan.request.maxWaitMs, maxWaitMs)
    })
  }

  it('names each topic once and each partition once, and leaves no partition out', () => {
    const candidate = fc.record({
      topicId: fc.constantFrom('a', 'b', 'c'),
      partition: fc.nat(3),
      behind: fc.boolean(),
      lastRound: fc.nat(5),
    })
    fc.assert(
      fc.property(fc.array(candidate), (changes) => {
        const { request } = planFetch(
          changes.map((one, index) => reader(String(index), one)),
          limits,
        )
        const named = request.topics.flatMap(({ topicId, partitions }) =>
          partitions.map(({ partition }) => `${topicId}/${partition}`),
        )
        const wanted = new Set(changes.map(({ topicId, partition }) => `${topicId}/${partition}`))
        assert.equal(new Set(request.topics.map(({ topicId }) => topicId)).size, request.topics.length)
        assert.deepEqual(named.toSorted(), [...wanted].sort())
      }),
    )
  })
})
