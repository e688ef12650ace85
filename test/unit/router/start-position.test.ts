import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeStart, type Memory } from '../../../router/consume/start-position.ts'

const now = 'id-of-now'
const before = 'id-of-before'

function remembered(topicId: string, offset: number, end: number): Memory {
  return {
    delivered: { topicId, offset, leaderEpoch: 4 },
    end,
    lag: { records: end - offset, behindSinceMs: 0 },
  }
}

describe('the start of a partition', () => {
  it('is the committed position when that is of this topic, or of nobody knows which', () => {
    for (const committed of [
      { offset: 7, leaderEpoch: 2, topicId: now },
      { offset: 7, leaderEpoch: 2 },
    ]) {
      const verdict = judgeStart(now, committed, remembered(before, 90, 100))
      assert.deepEqual(verdict, { position: committed, replaced: undefined })
    }
  })

  it('is not a position in a topic that was there before', () => {
    const committed = { offset: 7, leaderEpoch: 2, topicId: before }
    assert.deepEqual(judgeStart(now, committed, undefined), {
      position: undefined,
      replaced: { from: 7, records: 0 },
    })
  })

  it('is what this process remembers where the group does not, of this topic only', () => {
    const memory = remembered(now, 12, 20)
    assert.deepEqual(judgeStart(now, undefined, memory).position, memory.delivered)
    const wiped = judgeStart(now, undefined, remembered(before, 12, 20))
    assert.deepEqual(wiped, { position: undefined, replaced: { from: 12, records: 8 } })
  })

  it('is open where the route has never been', () => {
    assert.deepEqual(judgeStart(now, undefined, undefined), { position: undefined, replaced: undefined })
  })
})
