import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arrivals, eventId } from '../../../../load/verify/arrivals.ts'

const event = (run: string, index: number) => Buffer.from(`{"id":"${eventId(run, index)}","data":1}`)

test('arrivals counts missing, duplicated and strange events and passes over other runs', () => {
  const arrivals = new Arrivals('run', 10, 3)
  assert.equal(arrivals.add(event('other', 0)), false)
  assert.equal(arrivals.add(Buffer.from('{}')), false)
  assert.equal(arrivals.add(event('run', 0)), true)
  arrivals.add(event('run', 4))
  assert.deepEqual([arrivals.complete, arrivals.missing], [false, 1])
  arrivals.add(event('run', 4))
  assert.deepEqual([arrivals.complete, arrivals.duplicates], [false, 1])
  arrivals.add(event('run', 9))
  assert.deepEqual([arrivals.complete, arrivals.missing, arrivals.distinct], [true, 0, 3])
  arrivals.add(event('run', 10))
  assert.equal(arrivals.strange, 1)
  assert.equal(arrivals.digest.count, 5)
})
