import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rewindTo } from '../../../src/kafka/fetch-rewind.ts'

describe('a rewind to where the log diverged', () => {
  const read = { offset: 100, leaderEpoch: 5 }

  it('goes to the offset up to which both agree', () => {
    const to = rewindTo({ epoch: 5, endOffset: 80 }, read, { offset: 100, leaderEpoch: 5 })
    assert.deepEqual(to, { offset: 80, leaderEpoch: 5 })
  })

  it('goes no further than what was delivered: the rest was thrown away and must be read again', () => {
    const delivered = { offset: 60, leaderEpoch: 4 }
    assert.deepEqual(rewindTo({ epoch: 5, endOffset: 80 }, read, delivered), delivered)
  })

  it('never goes forward', () => {
    const to = rewindTo({ epoch: 4, endOffset: 120 }, read, { offset: 110, leaderEpoch: 5 })
    assert.deepEqual(to, { offset: 100, leaderEpoch: 4 })
  })
})
