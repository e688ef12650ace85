import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AssignerProtocol } from 'kafkajs'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../src/kafka/group-protocol.ts'
import { WireError } from '../../../src/kafka/wire-reader.ts'

const topic = 'sample.events'

describe('what group members tell each other', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.integer(), (owned, generation) => {
        const subscription = { topic, owned, generation }
        assert.deepEqual(decodeSubscription(encodeSubscription(subscription), topic), subscription)
        assert.deepEqual(decodeAssignment(encodeAssignment(topic, owned), topic), owned)
      }),
    )
  })

  it('is read by another client', () => {
    const metadata = AssignerProtocol.MemberMetadata.decode(
      encodeSubscription({ topic, owned: [1], generation: 4 }),
    )
    assert.deepEqual(metadata?.topics, [topic])
    const assignment = AssignerProtocol.MemberAssignment.decode(encodeAssignment(topic, [2, 5]))
    assert.deepEqual(assignment?.assignment, { [topic]: [2, 5] })
  })

  it('may come from a member of another client or for another topic', () => {
    const theirs = AssignerProtocol.MemberMetadata.encode({
      version: 0,
      topics: [topic],
      userData: Buffer.alloc(0),
    })
    assert.deepEqual(decodeSubscription(theirs, topic), { topic, owned: [], generation: -1 })
    assert.equal(decodeSubscription(theirs, 'another'), undefined)
    assert.deepEqual(decodeAssignment(Buffer.alloc(0), topic), [])
    assert.deepEqual(decodeAssignment(encodeAssignment('another', [1]), topic), [])
  })

  it('is refused when it is hostile', () => {
    const bytes = encodeSubscription({ topic, owned: [1, 2, 3], generation: 4 })
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const hostile = Buffer.from(bytes)
        hostile[at] = byte
        try {
          decodeSubscription(hostile, topic)
        } catch (error) {
          assert.ok(error instanceof WireError, String(error))
        }
      }),
    )
  })
})
