import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arrivals, judge, judgeLoads } from '../../support/fault-checker.ts'
import { idOf, type LoadedRequest, ndjson } from '../../support/fault-load.ts'

const run = 'r1x1'

function request(first: number, events: number, fate: LoadedRequest['fate'], endMs = 0): LoadedRequest {
  return { first, events, fate, endMs, dueMs: 0, sentMs: 0, status: 0, reason: '' }
}

function arrivals(...indexes: readonly number[]): Arrivals {
  const all = new Arrivals()
  for (const index of indexes) all.add(Buffer.from(ndjson(run, index, 1, 80).trim()))
  return all
}

test('an event is as long as asked for, and its id is found again', () => {
  const lines = ndjson(run, 5, 2, 80).split('\n')
  assert.deepEqual(
    lines.map(({ length }) => length),
    [80, 80, 0],
  )
  assert.deepEqual(idOf(Buffer.from(lines[1] ?? '')), { run, index: 6 })
  assert.equal(JSON.parse(lines[0] ?? '').id, 'r1x1-00000005')
})

test('accepted events are delivered or lost, each arrival after the first is a duplicate', () => {
  const verdict = judge(arrivals(0, 1, 1, 1, 3), [
    { run, requests: [request(0, 2, 'accepted'), request(2, 2, 'accepted', 7)] },
  ])
  assert.equal(verdict.accepted, 4)
  assert.equal(verdict.delivered, 3)
  assert.equal(verdict.lost, 1)
  assert.equal(verdict.duplicates, 2)
  assert.deepEqual(verdict.lossAtMs, [7])
  assert.equal(verdict.neverSent, 0)
})

test('an unknown event may have arrived; a refused one, or one that nobody sent, must not', () => {
  const requests = [request(0, 2, 'unknown'), request(2, 2, 'refused')]
  const fine = judge(arrivals(0), [{ run, requests }])
  assert.deepEqual([fine.unknown, fine.unknownArrived, fine.neverSent, fine.lost], [2, 1, 0, 0])
  assert.equal(judge(arrivals(2), [{ run, requests }]).neverSent, 1)
  assert.equal(judge(arrivals(9), [{ run, requests }]).neverSent, 1)
  const strange = arrivals()
  strange.add(Buffer.from('{"other":1}'))
  assert.equal(judge(strange, [{ run, requests }]).neverSent, 1)
})

test('where loads share the arrivals, what arrived of others is passed over, and the rest is judged the same', () => {
  const all = arrivals(0, 1, 1, 1, 3, 9)
  const loads = [{ run, requests: [request(0, 2, 'accepted'), request(2, 2, 'accepted', 7)] }]
  const alone = judgeLoads(all, loads)
  assert.deepEqual(alone, judge(all, loads))
  assert.deepEqual([alone.lost, alone.duplicates, alone.neverSent], [1, 2, 1])
  all.add(Buffer.from(ndjson('another', 0, 1, 80).trim()))
  all.add(Buffer.from('{"other":1}'))
  assert.deepEqual(judgeLoads(all, loads), alone)
  assert.equal(judge(all, loads).neverSent, 3)
})

test('a load of which nothing came is lost', () => {
  const { accepted, lost, neverSent } = judgeLoads(arrivals(0), [
    { run: 'nothing', requests: [request(0, 5, 'accepted')] },
  ])
  assert.deepEqual([accepted, lost, neverSent], [5, 5, 0])
})
