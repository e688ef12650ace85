import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { maxMessageBytes, planTopic } from '../../../src/control/provision/plan.ts'

const base = { partitions: 6, retentionMs: 28_800_000, maxEventBytes: 2 ** 20 }
const kib = 1024

describe('planTopic', () => {
  const rows: readonly (readonly ['fast' | 'durable', number, number, number, string, string | undefined])[] =
    [
      ['fast', 1, 1, 1, 'true', 'replicas 1'],
      ['fast', 2, 2, 1, 'true', undefined],
      ['fast', 3, 2, 1, 'true', undefined],
      ['fast', 30, 2, 1, 'true', undefined],
      ['durable', 1, 1, 1, 'false', 'replicas 1'],
      ['durable', 2, 2, 2, 'false', 'replicas 2'],
      ['durable', 3, 3, 2, 'false', undefined],
      ['durable', 30, 3, 2, 'false', undefined],
    ]
  for (const [delivery, brokers, replicas, minInSync, unclean, degraded] of rows) {
    it(`${delivery} on ${brokers} brokers: ${replicas} replicas, min ISR ${minInSync}, ${degraded ?? 'not degraded'}`, () => {
      const plan = planTopic({ ...base, delivery }, brokers)
      assert.equal(plan.replicas, replicas)
      assert.equal(plan.minInSync, minInSync)
      assert.equal(plan.degraded, degraded)
      assert.equal(plan.configs['min.insync.replicas'], String(minInSync))
      assert.equal(plan.configs['unclean.leader.election.enable'], unclean)
    })
  }

  it('leaves nothing to the defaults of a broker', () => {
    assert.deepEqual(planTopic({ ...base, delivery: 'fast' }, 3).configs, {
      'cleanup.policy': 'delete',
      'compression.type': 'producer',
      'max.message.bytes': String(2 ** 20 + 80 * kib),
      'message.timestamp.after.max.ms': '9223372036854775807',
      'message.timestamp.type': 'CreateTime',
      'min.insync.replicas': '1',
      'retention.bytes': String(16 * 2 ** 30),
      'retention.ms': '28800000',
      'unclean.leader.election.enable': 'true',
    })
  })
})

describe('maxMessageBytes', () => {
  it('takes a full batch of small events, and one largest event with key and headers', () => {
    assert.equal(maxMessageBytes(1), 256 * kib + 64 * kib)
    assert.equal(maxMessageBytes(240 * kib), 256 * kib + 64 * kib)
    assert.equal(maxMessageBytes(15_000_000), 15_000_000 + 16 * kib + 64 * kib)
  })
})
