import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { imbalance, Ledger } from '../../../src/core/outcome.ts'

test('received = rejected + dropped + delivered + in flight, after every step of any history', () => {
  const anyStep = fc.tuple(
    fc.constantFrom('accept', 'refuse', 'deliver', 'drop', 'reject', 'resend'),
    fc.nat({ max: 50 }),
  )
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 200 }), (steps) => {
      const ledger = new Ledger()
      const counts = ledger.topic('a.b')
      for (const [step, wish] of steps) {
        const held = Math.min(wish, counts.inFlight)
        if (step === 'accept') ledger.accept(counts, wish)
        else if (step === 'refuse') ledger.rejectOnArrival(counts, 'invalid-json', wish)
        else if (step === 'deliver') ledger.deliver(counts, held)
        else if (step === 'drop') ledger.drop(counts, 'expired', held)
        else if (step === 'reject') ledger.reject(counts, 'ack-timeout', held)
        else ledger.resend(counts, held)
        assert.equal(imbalance(counts), 0)
        assert.ok(counts.inFlight >= 0)
      }
    }),
  )
})

test('an event that is lost from the books shows as an imbalance', () => {
  const ledger = new Ledger()
  const counts = ledger.topic('a.b')
  ledger.accept(counts, 3)
  counts.inFlight -= 1
  assert.equal(imbalance(counts), 1)
})
