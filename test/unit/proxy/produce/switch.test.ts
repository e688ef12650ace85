import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placedTopic } from '../../../support/placed-topic.ts'
import { stagedEvents } from '../../../support/staged-events.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { SwitchRig, topic } from './switch-rig.ts'

test('what is queued moves at once, and what is unanswered is settled where it was sent', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  rig.send(['first', 'second', 'third'], 'key')
  const unanswered = await rig.held('a', 'first')
  rig.place('b')
  rig.assertConserved()
  // Another key does not wait for it.
  rig.send(['other'], 'another key')
  const other = await rig.held('b', 'other')
  assert.equal(rig.b.held.length, 1, 'the key waits until its unanswered batch is settled')
  other.answer(0)
  unanswered.answer(0)
  const second = await rig.held('b', 'second')
  assert.equal(rig.b.held.length, 1)
  second.answer(0)
  const third = await rig.held('b', 'third')
  third.answer(0)
  await rig.settled()
  rig.assertConserved()
  assert.deepEqual([rig.counts.delivered, rig.counts.moved, rig.counts.resent], [4, 2, 0])
  const [, stats] = [...rig.producers.stats()].find(([cluster]) => cluster === 'a') ?? []
  assert.deepEqual([stats?.acked, stats?.moved], [1, 2])
  assert.equal(rig.a.held.length, 0)
})

test('what goes unanswered after the switch is sent again on the new cluster, before everything of its key', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  rig.send(['first', 'second'], 'key')
  const unanswered = await rig.held('a', 'first')
  rig.place('b')
  rig.send(['third'], 'key')
  unanswered.cut(true)
  rig.b.acksAtOnce = true
  await rig.settled()
  assert.deepEqual([rig.counts.delivered, rig.counts.moved, rig.counts.resent], [3, 2, 1])
  assert.deepEqual(
    (rig.b.log.get(topic) ?? []).map((value) => value.slice(2)),
    ['first', 'second', 'third'],
  )
  rig.assertConserved()
})

test('a move that is taken back at once leaves the order as it was', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  rig.send(['1', '2', '3'], 'key')
  const unanswered = await rig.held('a', '1')
  rig.place('b')
  rig.place('a')
  rig.place('b')
  rig.place('a')
  rig.send(['4'], 'key')
  rig.assertConserved()
  unanswered.cut(false)
  rig.a.acksAtOnce = true
  await rig.settled()
  assert.deepEqual(
    (rig.a.log.get(topic) ?? []).map((value) => value.slice(2)),
    ['1', '2', '3', '4'],
  )
  assert.equal(rig.b.log.size, 0)
  assert.equal(rig.counts.resent, 1)
  rig.assertConserved()
})

test('a cluster that hangs holds nothing back but what it has been sent', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  for (let index = 0; index < 20; index += 1) rig.send([`e${index}`])
  await rig.held('a', 'e4')
  const sent = rig.a.held.flatMap(({ parts }) => parts.flatMap(({ values }) => values))
  rig.b.acksAtOnce = true
  rig.place('b')
  await waitFor(() => rig.counts.delivered === 20 - sent.length, {
    describe: 'everything else to be delivered',
    state: () => rig.seen(),
  })
  assert.equal(rig.counts.resent, 0)
  for (const request of [...rig.a.held]) request.cut(false)
  await rig.settled()
  assert.equal(rig.b.log.get(topic)?.length, 20)
  assert.equal(rig.counts.resent, sent.length)
})

test('the cluster that a topic left is asked nothing about it', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  rig.a.acksAtOnce = true
  rig.send(['first'])
  await rig.settled()
  rig.place('b', { holders: ['b', 'a'] })
  rig.a.asked.clear()
  rig.placeAll([
    placedTopic(topic, { cluster: 'b', holders: ['a', 'b'] }),
    placedTopic('rig.other', { cluster: 'a' }),
  ])
  await waitFor(() => rig.a.asked.has('rig.other'), { describe: 'metadata of the other topic' })
  assert.equal(rig.a.asked.has(topic), false)
})

test('durable events that were not sent can be withdrawn after the move, and expire with it', async (t) => {
  const rig = await SwitchRig.start(t, { deliveryTimeoutMs: 60_000 })
  const durable = { delivery: 'durable' } as const
  const placement = placedTopic(topic, { ...durable, partitions: 4 })
  rig.place('a', durable)
  const key = Buffer.from('key')
  const tallies = ['1', '2', '3'].map((value) => {
    const tally = rig.buffer.offerDurable(placement, stagedEvents([value], { key }))
    rig.buffer.flush()
    if (typeof tally === 'string') throw new Error(tally)
    return tally
  })
  const unanswered = await rig.held('a', '1')
  rig.place('b', durable)
  const [, second] = tallies
  if (second === undefined) throw new Error('there is a second')
  rig.buffer.withdraw(placement, second)
  assert.equal(second.failed, 1)
  unanswered.answer(0)
  const third = await rig.held('b', '3')
  assert.deepEqual(
    third.parts.flatMap(({ values }) => values),
    ['3'],
  )
  rig.place('a', durable)
  rig.pass(61_000)
  third.cut(false)
  await rig.settled()
  assert.deepEqual(
    [...rig.counts.rejected, ...rig.counts.dropped],
    [
      ['ack-timeout', 1],
      ['ambiguous', 1],
    ],
  )
  assert.equal(rig.counts.delivered, 1)
  rig.assertConserved()
})

test('what no cluster takes is given up at its deadline, on whichever it is queued', async (t) => {
  const rig = await SwitchRig.start(t, { deliveryTimeoutMs: 60_000 })
  rig.b.deleteTopic(topic)
  rig.place('a')
  rig.send(['1', '2'], 'key')
  const first = await rig.held('a', '1')
  rig.place('b')
  first.answer(0)
  rig.pass(61_000)
  await rig.settled()
  assert.deepEqual([...rig.counts.dropped], [['expired', 1]])
  rig.assertConserved()
})

test('a drain waits for what comes back from the cluster that the topic left', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  rig.send(['first'])
  const unanswered = await rig.held('a', 'first')
  rig.place('b')
  const drained = rig.producers.drain(performance.now() + 20_000)
  setImmediate(() => unanswered.cut(false))
  const again = await rig.held('b', 'first')
  again.answer(0)
  assert.deepEqual(await drained, { unsent: 0, unanswered: 0 })
  assert.equal(rig.counts.delivered, 1)
})

test('the settled version follows the last answer of what was sent under an earlier one', async (t) => {
  const rig = await SwitchRig.start(t)
  assert.equal(rig.producers.settledVersion(), undefined)
  rig.place('a')
  assert.equal(rig.producers.settledVersion(), 1)
  rig.send(['first'])
  const first = await rig.held('a', 'first')
  rig.place('b')
  rig.send(['second'])
  const second = await rig.held('b', 'second')
  rig.place('b')
  assert.equal(rig.producers.settledVersion(), 1)
  first.answer(0)
  await waitFor(() => rig.producers.settledVersion() === 2, { describe: 'version 2', intervalMs: 1 })
  second.cut(false)
  await waitFor(() => rig.producers.settledVersion() === 3, { describe: 'version 3', intervalMs: 1 })
})

test('a report says what became of the events since the last one', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  rig.send(['1', '2', '3'], 'key')
  const first = await rig.held('a', '1')
  rig.pass(500)
  const [before] = rig.producers.reportClusters()
  assert.deepEqual([before?.cluster, before?.acked, before?.failed, before?.waiting], ['a', 0, 0, 3])
  assert.ok((before?.oldestWaitMs ?? 0) >= 500, 'the oldest has waited')
  assert.equal(before?.p99Ms, undefined)
  assert.deepEqual(
    before?.brokers.map(({ id, open }) => [id, open]),
    [[1, true]],
  )
  first.answer(0)
  const second = await rig.held('a', '2')
  rig.place('b')
  second.cut(true)
  rig.b.acksAtOnce = true
  await rig.settled()
  const [a, b] = rig.producers.reportClusters()
  assert.deepEqual([a?.acked, a?.failed, a?.waiting, a?.oldestWaitMs], [1, 1, 0, 0])
  assert.ok((a?.p99Ms ?? 0) >= 500 && (a?.p99Ms ?? 0) < 1000, `${a?.p99Ms} ms`)
  assert.deepEqual([b?.acked, b?.failed, b?.waiting], [2, 0, 0])
  const [again] = rig.producers.reportClusters()
  assert.deepEqual([again?.acked, again?.failed, again?.dropped], [0, 0, 0])
})
