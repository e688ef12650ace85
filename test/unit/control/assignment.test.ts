import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type AssignmentRequest, assignReplicas } from '../../../src/control/provision/assignment.ts'

const brokersOf = (racks: readonly string[]) => racks.map((rack, index) => ({ id: index + 1, rack }))

/** Any brokers on any racks, and a request that they can meet. */
const requests: fc.Arbitrary<AssignmentRequest> = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 9 })
  .chain((racks) =>
    fc.record({
      brokers: fc.constant(brokersOf(racks)),
      partitions: fc.integer({ min: 1, max: 40 }),
      replicas: fc.integer({ min: 1, max: racks.length }),
      firstPartition: fc.integer({ min: 0, max: 20 }),
      start: fc.integer({ min: 0, max: 1000 }),
    }),
  )

describe('assignReplicas', () => {
  it('gives the example of KIP-36: six brokers on three racks', () => {
    const brokers = [
      { id: 0, rack: 'rack1' },
      { id: 1, rack: 'rack3' },
      { id: 2, rack: 'rack3' },
      { id: 3, rack: 'rack2' },
      { id: 4, rack: 'rack2' },
      { id: 5, rack: 'rack1' },
    ]
    const assignment = assignReplicas({ brokers, partitions: 7, replicas: 3, firstPartition: 0, start: 0 })
    // The alternated list is 0, 3, 1, 5, 4, 2.
    assert.deepEqual(assignment, [
      [0, 3, 1],
      [3, 1, 5],
      [1, 5, 4],
      [5, 4, 2],
      [4, 2, 0],
      [2, 0, 3],
      [0, 4, 2],
    ])
  })

  it('always: distinct brokers, as many racks as can be, leaders spread evenly', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const assignment = assignReplicas(request)
        const rackOf = new Map(request.brokers.map(({ id, rack }) => [id, rack]))
        const racks = new Set(rackOf.values()).size
        assert.equal(assignment.length, request.partitions)
        for (const replicas of assignment) {
          assert.equal(replicas.length, request.replicas)
          assert.equal(new Set(replicas).size, request.replicas, `a broker twice: ${replicas}`)
          const used = new Set(replicas.map((id) => rackOf.get(id))).size
          assert.equal(used, Math.min(racks, request.replicas), `racks of ${replicas}`)
        }
        const leaders = request.brokers.map(({ id }) => assignment.filter(([leader]) => leader === id).length)
        assert.ok(Math.max(...leaders) - Math.min(...leaders) <= 1, `leaders ${leaders}`)
      }),
      { numRuns: 500 },
    )
  })

  it('grows a topic as if it had been made so at once', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const whole = assignReplicas({
          ...request,
          firstPartition: 0,
          partitions: request.firstPartition + request.partitions,
        })
        assert.deepEqual(assignReplicas(request), whole.slice(request.firstPartition))
      }),
    )
  })

  it('refuses more replicas than brokers', () => {
    const request = { brokers: brokersOf(['a', 'b']), partitions: 1, firstPartition: 0, start: 0 }
    assert.throws(() => assignReplicas({ ...request, replicas: 3 }), RangeError)
  })
})
