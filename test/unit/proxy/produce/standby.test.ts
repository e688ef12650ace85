import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placedTopic } from '../../../support/placed-topic.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { SwitchRig, topic } from './switch-rig.ts'

test('a standby is connected before anything is sent there, and is asked about no topic', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  // One for metadata, one for the class of the topic.
  await waitFor(() => rig.b.connections === 2, {
    describe: 'warm connections',
    state: () => rig.b.connections,
  })
  assert.equal(rig.b.asked.size, 0)
  const [, report] = rig.producers.reportClusters()
  assert.deepEqual(report?.brokers, [{ id: 1, open: true, queuedBytes: 0, acked: 0, failed: 0 }])
  rig.b.acksAtOnce = true
  rig.place('b')
  rig.send(['first'])
  await rig.settled()
  assert.equal(rig.b.connections, 2, 'no further handshake')
})

test('a standby that is down is one line in the log, and is there when it is needed', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.a.acksAtOnce = true
  rig.b.acksAtOnce = true
  await rig.b.pause()
  rig.place('a')
  const away = 'no broker of the cluster answers: what is to be sent to it waits'
  await waitFor(() => rig.lines.includes(away), { describe: 'the line' })
  rig.send(['first'])
  await rig.settled()
  const state = new Map(rig.producers.states()).get('b')
  assert.deepEqual([state?.overdueMs, state?.unsettledBatches, state?.ackAgeMs], [0, 0, null])
  rig.place('b')
  rig.send(['second'])
  await rig.b.resume()
  await rig.settled()
  assert.equal(rig.b.log.get(topic)?.length, 1)
  const said = (text: string) => rig.lines.filter((line) => line === text).length
  assert.deepEqual([said(away), said('the cluster answers again')], [1, 1])
})

test('the producer of a cluster that is not named any more is closed when it is empty; its counts stay', async (t) => {
  const rig = await SwitchRig.start(t)
  rig.place('a')
  rig.send(['first'])
  const first = await rig.held('a', 'first')
  rig.placeAll([placedTopic(topic, { cluster: 'b', holders: ['b'] })])
  rig.b.acksAtOnce = true
  rig.send(['second'])
  const names = () => Array.from(rig.producers.all(), ([cluster]) => cluster)
  assert.deepEqual(names(), ['a', 'b'])
  first.answer(0)
  await waitFor(() => names().length === 1, { describe: 'the producer to be closed', state: names })
  await rig.settled()
  await waitFor(() => rig.a.connections === 0, { describe: 'no connection' })
  const stats = new Map(rig.producers.stats())
  assert.equal(stats.get('a')?.acked, 1)
  assert.equal(rig.counts.delivered, 2)
  rig.place('a')
  rig.a.acksAtOnce = true
  rig.send(['third'])
  await rig.settled()
  assert.equal(stats.get('a')?.acked, 2)
})
