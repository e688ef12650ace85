import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MultisetDigest } from '../../../../load/verify/multiset-digest.ts'

function digestOf(events: readonly Uint8Array[]): MultisetDigest {
  const digest = new MultisetDigest()
  for (const event of events) digest.add(event)
  return digest
}

const events = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 })

describe('the digest of a multiset', () => {
  test('does not depend on the order', () => {
    fc.assert(
      fc.property(
        events.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        ([list, shuffled]) => assert.ok(digestOf(list).equals(digestOf(shuffled))),
      ),
    )
  })

  test('notices a missing, a repeated and an altered event', () => {
    fc.assert(
      fc.property(events, fc.uint8Array({ maxLength: 40 }), fc.nat(), (list, extra, at) => {
        const whole = [...list, extra]
        const digest = digestOf(whole)
        assert.ok(!digest.equals(digestOf(list)))
        assert.ok(!digest.equals(digestOf([...whole, extra])))
        const position = at % whole.length
        const altered = whole.map((event, index) =>
          index === position ? Uint8Array.from([...event, 0]) : event,
        )
        assert.ok(!digest.equals(digestOf(altered)))
      }),
    )
  })

  test('a pair of equal events is not nothing (as it would be with XOR)', () => {
    const one = Buffer.from('{"a":1}')
    assert.notEqual(digestOf([one, one]).toString(), digestOf([]).toString())
    assert.notEqual(digestOf([one, one]).toString().slice(0, 32), digestOf([]).toString().slice(0, 32))
  })

  test('is SHA-256, cut to 128 bits and added', () => {
    assert.equal(digestOf([Buffer.from('abc')]).toString(), 'ba7816bf8f01cfea414140de5dae2223-1')
  })
})
