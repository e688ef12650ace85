import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { standbyTopics } from '../../../../src/control/failover/standby-topics.ts'
import type { BrokerDescription } from '../../../../src/kafka/admin.ts'
import { topicSpec } from './topics.ts'

const broker = (id: number, rack?: string): BrokerDescription => ({
  id,
  host: '127.0.0.1',
  port: 9000 + id,
  ...(rack === undefined ? {} : { rack }),
})

const move = (name: string, delivery: 'fast' | 'durable', partitions = 4) => {
  const spec = topicSpec(name, { delivery, partitions })
  return { topic: name, partitions, spec, holders: ['fronting-a'] }
}

describe('standbyTopics', () => {
  it('one broker: replicas 1, and says so', () => {
    const [one] = standbyTopics('standby-a', [move('web.orders', 'durable')], [broker(1)])
    assert.equal(one?.made.degraded, 'replicas 1')
    assert.equal(one?.made.minInSync, 1)
    assert.equal(one?.request.replicas, 1)
    assert.equal(one?.request.partitions, 4)
    assert.equal(one?.request.configs['min.insync.replicas'], '1')
    assert.equal(one?.request.assignment, undefined)
  })

  it('brokers enough: as the class wants, replicas on different racks', () => {
    const brokers = [broker(1, 'a'), broker(2, 'a'), broker(3, 'b'), broker(4, 'c')]
    const [fast, durable] = standbyTopics(
      'standby-a',
      [move('web.clicks', 'fast', 6), move('web.orders', 'durable', 6)],
      brokers,
    )
    assert.equal(fast?.made.degraded, undefined)
    assert.equal(durable?.made.degraded, undefined)
    const rackOf = new Map(brokers.map(({ id, rack }) => [id, rack]))
    for (const replicas of fast?.request.assignment ?? [])
      assert.equal(new Set(replicas.map((id) => rackOf.get(id))).size, 2)
    for (const replicas of durable?.request.assignment ?? [])
      assert.equal(new Set(replicas.map((id) => rackOf.get(id))).size, 3)
    assert.equal(durable?.request.assignment?.length, 6)
  })

  it('two brokers: a durable topic gets two replicas', () => {
    const [durable] = standbyTopics(
      'standby-a',
      [move('web.orders', 'durable')],
      [broker(1, 'a'), broker(2, 'b')],
    )
    assert.equal(durable?.made.degraded, 'replicas 2')
    assert.equal(durable?.made.minInSync, 2)
  })

  it('refuses a standby without brokers', () => {
    assert.throws(() => standbyTopics('standby-a', [move('web.clicks', 'fast')], []), RangeError)
  })
})
