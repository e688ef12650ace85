import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { waitFor } from '../../../support/wait-for.ts'
import { SwitchRig, topic } from './switch-rig.ts'

const tooLarge = 10
const unknownTopic = 3

/** A control plane that answers when the test says so. */
class Confirmation {
  asked = 0
  answer: () => Promise<void> = async () => undefined

  readonly confirm = (): Promise<void> => {
    this.asked += 1
    return this.answer()
  }
}

async function confirmedRig(t: TestContext, more: Parameters<typeof SwitchRig.start>[1] = {}) {
  const control = new Confirmation()
  const rig = await SwitchRig.start(t, { confirmPlacement: control.confirm, ...more })
  return { control, rig }
}

/** With the event `1` under way to b. */
async function rigWithFirst(t: TestContext) {
  const { control, rig } = await confirmedRig(t)
  rig.place('b')
  rig.send(['1'])
  return { control, rig, first: await rig.held('b', '1') }
}

test('a sealed topic under an old placement: what it refuses goes where the newest placement says', async (t) => {
  const { control, rig } = await confirmedRig(t)
  rig.place('b')
  rig.send(['1', '2', '3'], 'key')
  rig.send(['unkeyed'])
  control.answer = async () => rig.place('a')
  rig.a.acksAtOnce = true
  const first = await rig.held('b', '1')
  for (const request of [...rig.b.held]) request.answer(tooLarge)
  await rig.settled()
  assert.equal(first.parts.length > 0, true)
  assert.equal(rig.counts.delivered, 4)
  assert.deepEqual(
    (rig.a.log.get(topic) ?? []).map((value) => value.slice(2)).filter((value) => value.length === 1),
    [...['1', '2', '3']],
  )
  assert.deepEqual([rig.counts.resent, rig.counts.dropped.size], [0, 0])
  rig.assertConserved()
})

test('while nobody confirms the placement a refusal is no outcome, up to the deadline', async (t) => {
  const { control, rig } = await confirmedRig(t, { deliveryTimeoutMs: 60_000 })
  control.answer = () => Promise.reject(new Error('away'))
  rig.place('b')
  rig.send(['1', '2'], 'key')
  const refused = await rig.held('b', '1')
  refused.answer(tooLarge)
  await waitFor(() => control.asked >= 2, { describe: 'a second question' })
  assert.deepEqual([rig.counts.inFlight, rig.counts.dropped.size], [2, 0])
  assert.equal(rig.b.held.length, 0, 'nothing of the key goes before the refused batch')
  // Others of the topic do not wait for it.
  rig.send(['other'])
  const other = await rig.held('b', 'other')
  other.answer(0)
  await waitFor(() => rig.counts.delivered === 1, { describe: 'the other event' })
  rig.pass(61_000)
  await rig.settled()
  assert.deepEqual([...rig.counts.dropped], [['expired', 2]])
  assert.equal(rig.lines.filter((line) => line.includes('nobody confirms')).length, 1)
  rig.assertConserved()
})

test('a refusal is final once the placement was confirmed after it', async (t) => {
  const { control, rig, first } = await rigWithFirst(t)
  const answer = Promise.withResolvers<void>()
  control.answer = () => answer.promise
  first.answer(tooLarge)
  await waitFor(() => control.asked === 1, { describe: 'the question' })
  // Refused while the question is open: the answer to that one proves nothing about it.
  rig.send(['2'])
  const second = await rig.held('b', '2')
  second.answer(tooLarge)
  await waitFor(() => rig.b.held.length === 0, { describe: 'the second refusal' })
  control.answer = async () => undefined
  answer.resolve()
  await rig.settled()
  assert.equal(control.asked, 2)
  assert.deepEqual([...rig.counts.dropped], [['broker-refused', 2]])
  rig.assertConserved()
})

test('a topic that is not there: its batches wait for the newest placement', async (t) => {
  const { control, rig } = await confirmedRig(t)
  rig.b.deleteTopic(topic)
  rig.place('b')
  rig.send(['1'])
  control.answer = async () => rig.place('a')
  rig.a.acksAtOnce = true
  await rig.settled()
  assert.equal(rig.counts.delivered, 1)
  assert.equal(rig.b.log.size, 0)
})

test('a topic that was deleted under us: the same', async (t) => {
  const { control, rig, first } = await rigWithFirst(t)
  rig.b.deleteTopic(topic)
  control.answer = async () => rig.place('a')
  rig.a.acksAtOnce = true
  first.answer(unknownTopic)
  await rig.settled()
  assert.deepEqual([rig.counts.delivered, rig.a.log.get(topic)?.length], [1, 1])
  rig.assertConserved()
})

test('a topic that was deleted and made anew is noticed, and waits until its placement is confirmed', async (t) => {
  const { control, rig, first } = await rigWithFirst(t)
  const answer = Promise.withResolvers<void>()
  control.answer = () => answer.promise
  rig.b.deleteTopic(topic)
  rig.b.makeTopic(topic, 4)
  first.answer(6)
  await waitFor(() => rig.lines.includes('a topic was deleted and made anew'), { describe: 'the notice' })
  rig.b.makeTopic('another', 1)
  assert.equal(rig.b.held.length, 0)
  answer.resolve()
  const again = await rig.held('b', '1')
  again.answer(0)
  await rig.settled()
  const [, stats] = [...rig.producers.stats()].find(([cluster]) => cluster === 'b') ?? []
  assert.equal(stats?.remadeTopics, 1)
  assert.equal(rig.counts.delivered, 1)
})

test('what waits for a topic that is placed nowhere any more is refused once that is confirmed', async (t) => {
  const { control, rig, first } = await rigWithFirst(t)
  rig.b.deleteTopic(topic)
  control.answer = async () => rig.placeAll([])
  first.answer(unknownTopic)
  await rig.settled()
  assert.deepEqual([...rig.counts.dropped], [['broker-refused', 1]])
  rig.assertConserved()
})
