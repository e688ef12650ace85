import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arrivals, eventId } from '../../../../load/verify/arrivals.ts'
import { compareFates, isExact } from '../../../../load/verify/check-topic.ts'
import { MultisetDigest } from '../../../../load/verify/multiset-digest.ts'
import { SentLog } from '../../../../load/verify/sent-log.ts'

const eventOf = (index: number) => Buffer.from(`{"id":"${eventId('r', index)}"}`)

function sentOf(first: number, events: number) {
  const digest = new MultisetDigest()
  for (let index = first; index < first + events; index += 1) digest.add(eventOf(index))
  return { first, events, digest }
}

test('every event has one fate: delivered, twice, lost, unknown, refused, never sent', () => {
  const sent = new SentLog('r')
  sent.note(sentOf(0, 10), 'acknowledged')
  sent.note(sentOf(10, 5), 'refused')
  sent.note(sentOf(20, 4), 'unknown')
  const arrivals = new Arrivals('r', sent.total)
  // 3 acknowledged ones missing, one twice; a refused one, one never sent, one with a strange number, half of the unknown ones.
  for (const index of [0, 1, 2, 3, 4, 5, 6, 6, 12, 17, 99, 20, 21]) arrivals.add(eventOf(index))
  const check = compareFates(sent, arrivals)
  assert.deepEqual(check, {
    ...{ acknowledged: 10, delivered: 7, lost: 3, duplicates: 1 },
    ...{ unknown: 4, unknownDelivered: 2, neverSent: 3, identical: false },
  })
  assert.ok(!isExact(check))
})

test('all acknowledged ones once, byte for byte, is exact; one altered byte is not', () => {
  const sent = new SentLog('r')
  sent.note(sentOf(0, 3), 'acknowledged')
  sent.note(sentOf(3, 3), 'refused')
  const check = (events: readonly Buffer[]) => {
    const arrivals = new Arrivals('r', sent.total)
    for (const event of events) arrivals.add(event)
    return compareFates(sent, arrivals)
  }
  assert.ok(isExact(check([eventOf(2), eventOf(0), eventOf(1)])))
  const altered = Buffer.from(`{"id":"${eventId('r', 1)}" }`)
  const found = check([eventOf(2), eventOf(0), altered])
  assert.deepEqual([found.lost, found.identical, isExact(found)], [0, false, false])
})
