import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoadedRequest } from '../../support/fault-load.ts'
import { judgeLoads } from '../../support/outage-ledger.ts'
import { zipfTurns } from '../../support/outage-zipf.ts'

function request(first: number, events: number, fate: LoadedRequest['fate'], endMs = 0): LoadedRequest {
  return { first, events, fate, endMs, dueMs: 0, sentMs: 0, status: 0, reason: '' }
}

/** How often each running number of a run arrived. */
const counts = (run: string, ...times: readonly number[]) => new Map([[run, Uint8Array.from(times)]])

test('accepted events are delivered or lost, and later arrivals of one are duplicates', () => {
  const verdict = judgeLoads(counts('a', 1, 3, 0, 1), [
    { run: 'a', requests: [request(0, 2, 'accepted'), request(2, 2, 'accepted', 7)] },
  ])
  const { accepted, delivered, lost, duplicates, neverSent, lossAtMs } = verdict
  assert.deepEqual([accepted, delivered, lost, duplicates, neverSent, lossAtMs], [4, 3, 1, 2, 0, [7]])
})

test('a refused event and one that nobody sent must not arrive, an unanswered one may', () => {
  const { neverSent, unknown, unknownArrived } = judgeLoads(counts('a', 1, 1, 0, 0, 1), [
    { run: 'a', requests: [request(0, 1, 'refused'), request(1, 2, 'unknown')] },
  ])
  assert.deepEqual([neverSent, unknown, unknownArrived], [2, 2, 1])
})

test('other rows of the same bed are passed over, and a load of which nothing came is lost', () => {
  const { accepted, lost, neverSent } = judgeLoads(counts('another', 1, 1), [
    { run: 'a', requests: [request(0, 5, 'accepted')] },
  ])
  assert.deepEqual([accepted, lost, neverSent], [5, 5, 0])
})

test('turns: every topic has one, the busiest the most, and each tenth looks like the whole', () => {
  const turns = zipfTurns(50, 2000)
  const of = (index: number, part = turns) => part.filter((one) => one === index).length
  assert.equal(new Set(turns).size, 50)
  assert.ok(of(0) > of(9) && of(9) > of(49), `${of(0)} ${of(9)} ${of(49)}`)
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const part = turns.slice((tenth * turns.length) / 10, ((tenth + 1) * turns.length) / 10)
    const share = (10 * of(0, part)) / of(0)
    assert.ok(share > 0.7 && share < 1.3, `${share}`)
  }
})
