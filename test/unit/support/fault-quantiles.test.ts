import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  assertNotSlowed,
  fromDue,
  quantileMs,
  type Timed,
  windowedP99Ms,
} from '../../support/fault-quantiles.ts'

/** Requests every 10 ms from `startMs` on, the nth of which takes `tookMs(n)`. */
function requests(startMs: number, count: number, tookMs: (index: number) => number): Timed[] {
  return Array.from({ length: count }, (_, index) => {
    const dueMs = startMs + 10 * index
    return { dueMs, sentMs: dueMs, endMs: dueMs + tookMs(index) }
  })
}

const silent = { diagnostic: () => undefined } as unknown as TestContext
const turns = [
  { quiet: [[0, 2000]], fault: [2000, 4000] },
  { quiet: [[4000, 6000]], fault: [6000, 8000] },
] as const

test('a quantile is the value that so many are not above', () => {
  const all = requests(0, 100, (index) => index)
  assert.equal(quantileMs(all, 0.5), 50)
  assert.equal(quantileMs(all, 0.99), 99)
  assert.equal(quantileMs([], 0.99), 0)
})

test('one stall spoils one stretch of a hundred requests, not the median of the stretches', () => {
  const all = requests(0, 500, (index) => (index >= 200 && index < 220 ? 900 : 5))
  assert.equal(windowedP99Ms(all, fromDue), 5)
  assert.equal(quantileMs(all, 0.99), 900)
})

test('others that are twice as slow in the turns with the fault are found out', () => {
  const slowed = requests(0, 800, (index) => (index % 400 < 200 ? 10 : 20))
  assert.throws(() => assertNotSlowed(silent, 'others', slowed, turns), /others: p99 10\.0 ms/)
})

test('what a busy machine does in quiet and in other times alike is not the fault', () => {
  const noisy = requests(0, 800, (index) => (index % 100 === 7 ? 100 + (index % 300) / 10 : 5))
  assert.ok(assertNotSlowed(silent, 'others', noisy, turns) < 1.5)
})
