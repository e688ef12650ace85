import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Ledger } from '../../../src/core/outcome.ts'
import type { ClusterState } from '../../../src/kafka/cluster-state.ts'
import { SharedLimit } from '../../../src/proxy/buffer/shared-limit.ts'
import { type PlacementFacts, ProxyReadiness } from '../../../src/proxy/readiness.ts'

const healthy: ClusterState = { ackAgeMs: null, unsettledBatches: 0, open: false, overdueMs: 0, lanes: [] }

/** A proxy's readiness over facts that the test changes, and beats that it lets come. */
function bed(context: TestContext) {
  context.mock.timers.enable({ apis: ['setInterval'] })
  const facts = {
    nowMs: 0,
    cluster: healthy,
    placement: { version: 3, ageMs: 1000, counts: { taken: 1 } } as PlacementFacts,
    draining: false,
  }
  const bytes = new SharedLimit({ limit: 1000, smallestShare: 1 })
  const records = new SharedLimit({ limit: 10, smallestShare: 1 })
  for (const amount of [bytes, records]) amount.place(new Map([['a.b', 'c1']]))
  const { health } = new ProxyReadiness({
    clock: { monotonicMs: () => facts.nowMs, wallMs: () => 0 },
    ledger: new Ledger(),
    bytes,
    records,
    clusters: () => [['c1', facts.cluster]],
    placement: () => facts.placement,
    isDraining: () => facts.draining,
  })
  const beats = (count: number, everyMs = 500) => {
    for (let beat = 0; beat < count; beat += 1) {
      facts.nowMs += everyMs
      context.mock.timers.tick(500)
    }
  }
  return { facts, bytes, records, health, beats }
}

test('a full buffer, a cluster that is out and an old placement are told, and do not make it unready', (context) => {
  const { facts, bytes, records, health, beats } = bed(context)
  bytes.add('a.b', 1000)
  records.add('a.b', 10)
  const lane = { broker: 1, acks: 1, breaker: 'open', connected: false, inFlight: 0, bytes: 0 } as const
  facts.cluster = { ackAgeMs: 600_000, unsettledBatches: 7, open: true, overdueMs: 0, lanes: [lane] }
  facts.placement = { version: 3, ageMs: Number.POSITIVE_INFINITY, counts: { failedAsks: 900 } }
  beats(100)
  const readiness = health.readiness()
  assert.deepEqual([readiness.ready, readiness.problems], [true, []])
  const { placement, buffer, clusters } = readiness.checks
  assert.deepEqual(placement?.detail, { version: 3, ageMs: null, failedAsks: 900 })
  assert.deepEqual(buffer?.detail, {
    usedBytes: 1000,
    limitBytes: 1000,
    usedRecords: 10,
    limitRecords: 10,
    fill: 1,
  })
  assert.deepEqual(clusters?.detail, { c1: { ...facts.cluster, bufferBytes: 1000, bufferRecords: 10 } })
  assert.deepEqual(JSON.parse(JSON.stringify(readiness)), readiness, 'plain JSON')
})

test('not ready while it drains, has no placement or is wedged, and ready again afterwards', (context) => {
  const { facts, health, beats } = bed(context)
  facts.draining = true
  assert.deepEqual(health.readiness().problems, ['draining'])
  facts.draining = false
  facts.placement = { ...facts.placement, version: undefined }
  assert.deepEqual(health.readiness().problems, ['no-placement'])
  facts.placement = { ...facts.placement, version: 4 }
  facts.cluster = { ...healthy, overdueMs: 20_000 }
  beats(9)
  assert.deepEqual(health.readiness().problems, [])
  beats(1)
  assert.deepEqual(health.readiness().problems, ['wedged'])
  assert.deepEqual(health.readiness().checks.loop?.detail, {
    lateMs: 0,
    overdueMs: 20_000,
    wedged: 'overdue',
  })
  facts.cluster = healthy
  beats(1)
  assert.equal(health.readiness().ready, true)
})

test('stopped for 10 s: ready with the first answer after waking', (context) => {
  const { facts, health, beats } = bed(context)
  beats(3)
  facts.nowMs += 10_000
  facts.cluster = { ...healthy, overdueMs: 9000 }
  assert.equal(health.readiness().ready, true)
  beats(1)
  assert.equal(health.readiness().ready, true)
  facts.cluster = healthy
  beats(10)
  assert.equal(health.readiness().ready, true)
})
