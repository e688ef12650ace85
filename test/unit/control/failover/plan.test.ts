import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type PlacedTopic,
  type PlanRequest,
  planFailback,
  planFailover,
} from '../../../../src/control/failover/plan.ts'
import { placedAt, placedTopics, topicSpec } from './topics.ts'

const plan = (topics: readonly PlacedTopic[], more: Partial<PlanRequest> = {}) =>
  planFailover({
    cluster: 'fronting-a',
    standby: 'standby-a',
    topics,
    rates: new Map(),
    facts: { brokers: 3, partitions: 0 },
    planned: false,
    ...more,
  })

const namesOf = ({ batches }: { batches: readonly (readonly { topic: string }[])[] }) =>
  batches.map((batch) => batch.map(({ topic }) => topic))

/** As it stands after a failover. */
function away(name: string): PlacedTopic {
  const { spec, provisioned } = placedAt(topicSpec(name))
  const standby = {
    cluster: 'standby-a',
    topicId: `standby-${name}`,
    partitions: 3,
    replicas: 1,
    minInSync: 1,
  }
  return {
    spec,
    placement: {
      topic: name,
      cluster: 'standby-a',
      holders: ['fronting-a', 'standby-a'],
      degraded: 'replicas 1',
    },
    provisioned: [...provisioned, standby],
  }
}

describe('planFailover', () => {
  it('takes the busiest first, durable before fast, then by name', () => {
    const topics = [
      placedAt(topicSpec('a.idle')),
      placedAt(topicSpec('b.idle-durable', { delivery: 'durable' })),
      placedAt(topicSpec('c.busy')),
      placedAt(topicSpec('d.busiest')),
    ]
    const rates = new Map([
      ['c.busy', 10],
      ['d.busiest', 99],
    ])
    assert.deepEqual(namesOf(plan(topics, { rates })), [['d.busiest', 'c.busy', 'b.idle-durable', 'a.idle']])
  })

  it('makes batches of a hundred', () => {
    const { batches } = plan(placedTopics(1234))
    assert.deepEqual(
      batches.map((batch) => batch.length),
      [...new Array(12).fill(100), 34],
    )
  })

  it('keeps partitions, holders and the ids that are known', () => {
    const [move] = plan([placedAt(topicSpec('web.clicks', { partitions: 7 }))]).batches[0] ?? []
    assert.equal(move?.partitions, 7)
    assert.deepEqual(move?.holders, ['fronting-a'])
    assert.equal(move?.homeTopicId, 'home-web.clicks')
    assert.equal(move?.standbyTopicId, undefined)
  })

  it('moves only what is on the cluster, and only what was asked for', () => {
    const elsewhere = placedAt(topicSpec('web.elsewhere', { cluster: 'fronting-b' }))
    const topics = [away('web.gone'), elsewhere, ...placedTopics(3)]
    assert.deepEqual(namesOf(plan(topics)), [['web.topic-0000', 'web.topic-0001', 'web.topic-0002']])
    const only = new Set(['web.topic-0001', 'web.elsewhere'])
    assert.deepEqual(namesOf(plan(topics, { only })), [['web.topic-0001']])
  })

  it('says how many topics are degraded by the size of the standby', () => {
    const topics = [
      placedAt(topicSpec('web.fast')),
      placedAt(topicSpec('web.durable', { delivery: 'durable' })),
    ]
    assert.deepEqual(plan(topics, { facts: { brokers: 3, partitions: 0 } }).notes, [])
    assert.deepEqual(plan(topics, { facts: { brokers: 2, partitions: 0 } }).notes, [
      'replicas 2 there for 1 topic: standby-a has 2 brokers',
    ])
    assert.deepEqual(plan(topics, { facts: { brokers: 1, partitions: 0 } }).notes, [
      'replicas 1 there for 2 topics: standby-a has 1 broker',
    ])
  })

  it('plans for a standby that sleeps', () => {
    const { problems, notes } = plan(placedTopics(1), { facts: undefined })
    assert.deepEqual(problems, [])
    assert.deepEqual(notes, ['standby-a does not answer yet: it is woken first'])
  })

  it('leaves the idlest topics where they are when the standby would have more than 10,000 partitions', () => {
    const topics = [
      placedAt(topicSpec('web.wide', { partitions: 40 })),
      placedAt(topicSpec('web.idle', { partitions: 40 })),
      placedAt(topicSpec('web.narrow', { partitions: 1 })),
    ]
    const made = plan(topics, {
      facts: { brokers: 3, partitions: 9_950 },
      rates: new Map([['web.wide', 5]]),
    })
    assert.deepEqual(namesOf(made), [['web.wide', 'web.narrow']])
    assert.deepEqual(made.left, [
      { topic: 'web.idle', why: 'standby-a would have more than 10000 partitions' },
    ])
    assert.deepEqual(made.problems, [])
  })

  it('does not begin without topics, without room, or with more than 200 brokers', () => {
    assert.deepEqual(plan([]).problems, ['no topic is on fronting-a'])
    assert.deepEqual(plan(placedTopics(1), { facts: { brokers: 3, partitions: 10_000 } }).problems, [
      'standby-a has room for no topic',
    ])
    assert.deepEqual(plan(placedTopics(1), { facts: { brokers: 201, partitions: 0 } }).problems, [
      'standby-a has 201 brokers, more than 200',
    ])
  })
})

describe('planFailback', () => {
  const back = (topics: readonly PlacedTopic[]) =>
    planFailback({ cluster: 'fronting-a', standby: 'standby-a', topics, rates: new Map() })

  it('takes the topics of the cluster that are on its standby, with the ids to delete by', () => {
    const made = back([away('web.gone'), ...placedTopics(2)])
    const [move] = made.batches[0] ?? []
    assert.deepEqual(namesOf(made), [['web.gone']])
    assert.equal(move?.standbyTopicId, 'standby-web.gone')
    assert.equal(move?.degraded, 'replicas 1')
    assert.equal(made.planned, true)
  })

  it('leaves a topic whose id on the standby nobody knows: it could not be deleted', () => {
    const { provisioned, ...rest } = away('web.gone')
    const made = back([{ ...rest, provisioned: provisioned.slice(0, 1) }])
    assert.deepEqual(made.left, [{ topic: 'web.gone', why: 'the id of its topic on standby-a is not known' }])
    assert.deepEqual(made.problems, ['no topic of fronting-a is on standby-a'])
  })
})
