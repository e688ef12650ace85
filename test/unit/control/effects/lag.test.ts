import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lagOf, lagSentence } from '../../../../src/control/effects/lag.ts'

describe('lagOf', () => {
  const rows: readonly (readonly [string, number, number, number, number, number])[] = [
    // what, wanted, committed, start, end, lag
    ['nothing committed', 10, -1, 0, 10, 10],
    ['half way', 10, 4, 0, 10, 6],
    ['there', 10, 10, 0, 10, 0],
    ['beyond, as more was written', 10, 12, 0, 12, 0],
    ['retention has taken all of it', 10, -1, 10, 10, 0],
    ['retention has taken some of it', 10, 2, 6, 10, 4],
    ['an unclean election has cut off the end', 10, 7, 0, 7, 0],
    ['the disks were wiped', 10, -1, 0, 0, 0],
    ['an empty partition', 0, -1, 0, 0, 0],
  ]
  for (const [what, wanted, committed, start, end, lag] of rows)
    it(what, () => {
      const input = { wanted: [wanted], committed: [committed], starts: [start], ends: [end] }
      assert.equal(lagOf(input), lag)
    })

  it('adds up partitions', () => {
    assert.equal(lagOf({ wanted: [5, 5], committed: [1, 5], starts: [0, 0], ends: [5, 5] }), 4)
  })
})

describe('lagSentence', () => {
  it('names who is furthest behind, and the paused route that holds everything up', () => {
    const lags = [
      { route: 'a.file', topic: 'web.a', records: 3, isPaused: true },
      { route: 'b.kafka', topic: 'web.b', records: 9, isPaused: false },
    ]
    assert.equal(
      lagSentence(lags, 'standby-a'),
      '12 records of standby-a are not delivered yet by 2 routes; b.kafka has 9 to go. Route a.file is paused: resume it, or delete it, and this goes on',
    )
  })
})
