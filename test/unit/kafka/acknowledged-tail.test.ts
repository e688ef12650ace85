import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AcknowledgedTail } from '../../../src/kafka/acknowledged-tail.ts'

function batch(crc: number): Buffer {
  const bytes = Buffer.alloc(61)
  bytes.writeUInt32BE(crc, 17)
  return bytes
}

test('what a new leader holds less of is counted, ours alone, and once', () => {
  const tail = new AcknowledgedTail()
  tail.add(3, 100, 10, batch(1))
  // 110 to 120 is another producer's.
  tail.add(3, 120, 10, batch(2))
  assert.equal(tail.needsCheck(3), false)
  assert.equal(tail.needsCheck(4), true)
  assert.deepEqual(tail.suspect(105), { offset: 120, crc: 2 })
  assert.equal(tail.cutOff(105), 15)
  assert.equal(tail.cutOff(105), 0)
  assert.equal(tail.suspect(105), undefined)
})

test('a batch that is there after all proves everything before it', () => {
  const tail = new AcknowledgedTail()
  tail.add(3, 100, 10, batch(1))
  tail.add(3, 110, 10, batch(2))
  const suspect = tail.suspect(90)
  assert.deepEqual(suspect, { offset: 110, crc: 2 })
  if (suspect !== undefined) tail.confirm(suspect)
  assert.equal(tail.cutOff(90), 0)
})

test('an acknowledgement of a deposed leader that comes late is looked up again', () => {
  const tail = new AcknowledgedTail()
  tail.add(3, 100, 10, batch(1))
  tail.checkedEpoch = 5
  assert.equal(tail.needsCheck(5), false)
  tail.add(3, 110, 10, batch(2))
  assert.equal(tail.needsCheck(5), true)
  assert.equal(tail.newestEpoch, 3)
})

test('whatever was acknowledged, as many are gone as lie beyond the end', () => {
  const batches = fc.array(fc.record({ gap: fc.nat(3), records: fc.integer({ min: 1, max: 5 }) }), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(batches, fc.nat(400), (acknowledged, end) => {
      const tail = new AcknowledgedTail()
      const offsets: number[] = []
      let next = 0
      for (const [index, { gap, records }] of acknowledged.entries()) {
        next += gap
        for (let at = next; at < next + records; at += 1) offsets.push(at)
        tail.add(1, next, records, batch(index))
        next += records
      }
      assert.equal(tail.cutOff(end), offsets.filter((offset) => offset >= end).length)
    }),
  )
})
