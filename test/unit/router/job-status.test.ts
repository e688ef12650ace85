import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type JobFacts, judgeState, sumLags } from '../../../router/consume/job-status.ts'

const well: JobFacts = {
  paused: false,
  draining: false,
  away: false,
  topicKnown: true,
  gated: false,
  owned: 2,
  reading: 2,
}

describe('the state of a job', () => {
  const rows: readonly (readonly [Partial<JobFacts>, string])[] = [
    [{}, 'reading'],
    [{ draining: true }, 'draining'],
    [{ away: true, draining: true, owned: 0 }, 'waiting for the cluster'],
    [{ gated: true }, 'waiting for the clusters that are emptied first'],
    [{ owned: 0 }, 'waiting for partitions'],
    [{ topicKnown: false, reading: 0 }, 'waiting for the topic'],
    [{ reading: 0 }, 'waiting for a start'],
    [{ paused: true, away: true }, 'paused'],
  ]
  for (const [facts, expected] of rows) {
    it(`is ${expected}`, () => {
      const found = judgeState({ ...well, ...facts })
      assert.equal(found.state === 'waiting' ? `waiting for ${found.for}` : found.state, expected)
    })
  }

  it('is as far behind as its partitions together, and as old as the oldest', () => {
    const lags = [
      { records: 3, behindSinceMs: 8000 },
      { records: 4, behindSinceMs: 6000 },
      { records: 0, behindSinceMs: undefined },
    ]
    assert.deepEqual(sumLags(lags, 10_000), { records: 7, freshnessSeconds: 4 })
    assert.deepEqual(sumLags([], 10_000), { records: 0, freshnessSeconds: 0 })
  })
})
