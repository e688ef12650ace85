import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WedgeWatch } from '../../../src/proxy/readiness-wedge.ts'

/** One beat: how long after the one before it, and what it saw. */
type Beat = readonly [afterMs: number, overdueMs: number]

const times = (count: number, beat: Beat): readonly Beat[] => Array.from({ length: count }, () => beat)
const well: Beat = [500, 0]
const overdue: Beat = [500, 10_000]
const late: Beat = [1500, 0]

const table: readonly (readonly [name: string, beats: readonly Beat[], wedged: string | undefined])[] = [
  ['nothing has happened', [], undefined],
  ['all is well', times(100, well), undefined],
  ['stopped for 10 s and woken: everything is overdue once', [[10_500, 10_000], well], undefined],
  ['stopped for an hour and woken', [[3_600_000, 3_600_000], [500, 3_600_000], well], undefined],
  ['stopped again and again', times(10, [10_500, 0]).flatMap((beat) => [beat, well]), undefined],
  ['four late beats', [...times(4, late), well], undefined],
  ['five late beats in a row', times(5, late), 'loop-late'],
  ['busy, but not that much', times(100, [1499, 0]), undefined],
  ['late no more', [...times(50, late), well], undefined],
  ['a wait past its limit for less than 5 s', times(9, overdue), undefined],
  ['a wait past its limit for 5 s', times(10, overdue), 'overdue'],
  ['a wait that is not past its limit by much', times(100, [500, 9999]), undefined],
  ['a wait that ended after all', [...times(50, overdue), well], undefined],
  ['waits that end in between', times(20, overdue).flatMap((beat) => [beat, well]), undefined],
]

for (const [name, beats, wedged] of table) {
  test(`wedged: ${name}: ${wedged ?? 'no'}`, () => {
    let nowMs = 0
    const watch = new WedgeWatch({ monotonicMs: () => nowMs, wallMs: () => 0 })
    for (const [afterMs, overdueMs] of beats) {
      nowMs += afterMs
      watch.beat(overdueMs)
    }
    assert.equal(watch.reason, wedged)
  })
}
