import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Candidate, choosePartition } from '../../../src/kafka/partition-choice.ts'

const candidate = (partition: number, queuedBytes: number, hasRoom = true, stalled = false): Candidate => ({
  partition,
  queuedBytes,
  hasRoom,
  stalled,
})

test('emptier lanes are drawn more often, in proportion to maxQueue + 1 − queue', () => {
  const candidates = [candidate(0, 0), candidate(1, 3), candidate(2, 1)]
  // Weights 4, 1, 3.
  const draws = [0, 0.49, 0.51, 0.62, 0.63, 0.99].map(
    (draw) => choosePartition(candidates, () => draw)?.partition,
  )
  assert.deepEqual(draws, [0, 0, 1, 1, 2, 2])
})

test('a leader that does not drain gets nothing while another drains, even a full one', () => {
  assert.equal(choosePartition([candidate(0, 0, true, true), candidate(1, 9)], () => 0)?.partition, 1)
  assert.equal(
    choosePartition([candidate(0, 0, true, true), candidate(1, 9, false)], () => 0),
    undefined,
  )
  assert.equal(
    choosePartition([candidate(0, 0, true, true), candidate(1, 9, false, true)], () => 0)?.partition,
    0,
  )
  assert.equal(
    choosePartition([], () => 0),
    undefined,
  )
})

test('what is chosen always has room', () => {
  const anyCandidate = fc.record({
    partition: fc.nat({ max: 20 }),
    queuedBytes: fc.nat(),
    hasRoom: fc.boolean(),
    stalled: fc.boolean(),
  })
  const anyDraw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(
      fc.uniqueArray(anyCandidate, { selector: (one) => one.partition }),
      anyDraw,
      (candidates, draw) => {
        const chosen = choosePartition(candidates, () => draw)
        const { length } = candidates.filter((one) => one.hasRoom)
        assert.ok(chosen?.hasRoom !== false && (chosen === undefined || length > 0))
        if (chosen?.stalled) assert.ok(candidates.every((one) => one.stalled))
      },
    ),
  )
})
