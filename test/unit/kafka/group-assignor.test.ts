import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Assignment,
  cooperativeAssignment,
  type MemberClaim,
  targetAssignment,
} from '../../../src/kafka/group-assignor.ts'

/** Members that claim whatever they like, also each other's partitions and ones that do not exist. */
const claims: fc.Arbitrary<MemberClaim[]> = fc.uniqueArray(
  fc.record({
    memberId: fc.stringMatching(/^[a-h]{1,3}$/),
    owned: fc.uniqueArray(fc.nat(25), { maxLength: 12 }),
    generation: fc.integer({ min: -1, max: 5 }),
  }),
  { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 7 },
)

/** Members whose claims agree, as they do when nobody slept. */
const agreeing = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 24 }))
  .chain(([members, partitions]) =>
    fc
      .array(fc.integer({ min: -1, max: members - 1 }), { minLength: partitions, maxLength: partitions })
      .map((owners) => ({
        partitions,
        claims: Array.from({ length: members }, (_, member) => ({
          memberId: `m${member}`,
          owned: owners.flatMap((owner, partition) => (owner === member ? [partition] : [])),
          generation: 1,
        })),
      })),
  )

function sizes(assignment: Assignment): number[] {
  return [...assignment.values()].map((mine) => mine.length)
}

describe('the assignor', () => {
  it('gives each partition to exactly one member, in shares that differ by at most one', () => {
    fc.assert(
      fc.property(claims, fc.nat(24), (members, partitions) => {
        const target = targetAssignment(members, partitions)
        assert.equal(target.size, members.length)
        const given = [...target.values()].flat().sort((a, b) => a - b)
        assert.deepEqual(
          given,
          Array.from({ length: partitions }, (_, partition) => partition),
        )
        assert.ok(Math.max(...sizes(target)) - Math.min(...sizes(target)) <= 1)
      }),
      { numRuns: 500 },
    )
  })

  it('moves as few partitions as a balance allows', () => {
    fc.assert(
      fc.property(agreeing, ({ claims: members, partitions }) => {
        const target = targetAssignment(members, partitions)
        const kept = members.reduce((sum, { memberId, owned }) => {
          const mine = new Set(target.get(memberId))
          return sum + owned.filter((partition) => mine.has(partition)).length
        }, 0)
        const smaller = Math.floor(partitions / members.length)
        const larger = partitions % members.length
        const best = members
          .map(({ owned }) => owned.length)
          .sort((a, b) => b - a)
          .reduce((sum, owned, index) => sum + Math.min(owned, smaller + (index < larger ? 1 : 0)), 0)
        assert.equal(kept, best)
      }),
      { numRuns: 500 },
    )
  })

  it('never hands out what another member still owns, and settles in two rounds', () => {
    fc.assert(
      fc.property(agreeing, ({ claims: members, partitions }) => {
        const first = cooperativeAssignment(members, partitions)
        for (const [memberId, mine] of first) {
          for (const other of members) {
            if (other.memberId === memberId) continue
            assert.ok(!mine.some((partition) => other.owned.includes(partition)))
          }
        }
        const rejoined = members.map(({ memberId }) => ({
          memberId,
          owned: first.get(memberId) ?? [],
          generation: 2,
        }))
        const second = cooperativeAssignment(rejoined, partitions)
        assert.deepEqual(second, targetAssignment(rejoined, partitions))
        assert.equal([...second.values()].flat().length, partitions)
      }),
      { numRuns: 500 },
    )
  })

  it('believes the member of the later generation', () => {
    const slept = { memberId: 'a', owned: [0, 1], generation: 3 }
    const present = { memberId: 'b', owned: [0, 1], generation: 4 }
    assert.deepEqual(
      cooperativeAssignment([slept, present], 2),
      new Map([
        ['b', [0]],
        ['a', []],
      ]),
    )
  })
})
