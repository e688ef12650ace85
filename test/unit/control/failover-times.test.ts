import assert from 'node:assert/strict'
import { it } from 'node:test'
import { timesOf } from '../../../src/control/provision/failover-times.ts'

const configs = (session: number, lag: number, autoCreate: boolean) =>
  new Map([
    ['broker.session.timeout.ms', String(session)],
    ['replica.lag.time.max.ms', String(lag)],
    ['auto.create.topics.enable', String(autoCreate)],
  ])

it('says what times a cluster as advised allows, and nothing to do', () => {
  assert.deepEqual(timesOf(configs(3000, 10_000, false)), [
    'partitions of a broker that dies have another leader after 3 s',
    'a follower that hangs holds acks=all up for 10 s at most',
  ])
})

it("says what to set on a cluster with Kafka's defaults", () => {
  assert.deepEqual(timesOf(configs(9000, 30_000, true)), [
    'partitions of a broker that dies have another leader after 9 s: set broker.session.timeout.ms=3000',
    'a follower that hangs holds acks=all up for 30 s at most: set replica.lag.time.max.ms=10000',
    'whoever asks for a topic makes it, a deleted one too: set auto.create.topics.enable=false',
  ])
})
