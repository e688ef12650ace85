import assert from 'node:assert/strict'
import { before, describe, it, type TestContext } from 'node:test'
import type { EffectBody } from '../../src/control/failover/effect.ts'
import type { StoredPlacement } from '../../src/control/store/control-store.ts'
import { type ClusterAddress, sharedCluster } from '../support/kafka.ts'
import { adminOf, type EffectBed, effectBed, idOf } from './control-effects-support.ts'
import { deleteAfter, seenByKafkajs, uniqueNamespace } from './control-support.ts'

const standby = 'standby-a'
const home = 'fronting-a'

describe('an apply while topics are away', () => {
  let frontingCluster: ClusterAddress
  let standbyCluster: ClusterAddress

  before(async () => {
    ;[frontingCluster, standbyCluster] = await Promise.all([
      sharedCluster('fronting'),
      sharedCluster('standby'),
    ])
  })

  const clusters = (bootstrap: readonly string[]) => [
    { kind: 'Cluster', name: home, role: 'fronting', bootstrap, standby },
    { kind: 'Cluster', name: standby, role: 'standby', bootstrap: standbyCluster.bootstrap },
  ]
  const topicOf = (name: string, more: object = {}) => ({
    ...{ kind: 'Topic', name, owner: 'team', partitions: 2, ...more },
  })
  const placementOf = (bed: EffectBed, topic: string) => {
    const { placements } = bed.feed.current.document
    const found = placements.find((placement) => placement.topic === topic)
    return found === undefined ? undefined : { cluster: found.cluster, holders: found.holders }
  }

  /** The topic is on the standby, and both clusters hold it. */
  async function awayBed(t: TestContext, name: string): Promise<EffectBed> {
    const bed = await effectBed(t)
    await bed.apply([...clusters(frontingCluster.bootstrap), topicOf(name)])
    const topics = [bed.move(name, standby)]
    const made = await bed.make({ kind: 'create-topics', cluster: standby, topics })
    await bed.run({ kind: 'await-leaders', cluster: standby, topics: made })
    const placement: StoredPlacement = { topic: name, cluster: standby, holders: [home, standby] }
    const publish: EffectBody = {
      kind: 'publish',
      placements: [placement],
      made,
      deletions: [],
      drainFirst: false,
    }
    const first = await bed.run(publish)
    assert.deepEqual(await bed.run(publish), first, 'the second time nothing changes')
    return bed
  }

  it('grows and alters a topic on every holder, keeps a seal, and moves nothing', async (t) => {
    const name = `${uniqueNamespace()}.a`
    deleteAfter(t, [frontingCluster, standbyCluster], [name])
    const bed = await awayBed(t, name)
    const { changes } = await bed.apply([topicOf(name, { partitions: 3, retention: '1h' })])
    assert.equal(changes[0]?.action, 'update')
    for (const cluster of [frontingCluster, standbyCluster]) {
      const seen = await seenByKafkajs(cluster, name)
      assert.deepEqual([seen?.partitions, seen?.configs['retention.ms']], [3, '3600000'])
    }
    assert.deepEqual(placementOf(bed, name), { cluster: standby, holders: [home, standby] })
    assert.deepEqual(
      bed.provisioned(name).map(({ cluster, partitions }) => [cluster, partitions]),
      [
        [home, 3],
        [standby, 3],
      ],
    )
    // On the way home the standby is sealed: another apply must not let writes in again.
    const atHome: StoredPlacement = { topic: name, cluster: home, holders: [home, standby] }
    await bed.run({ kind: 'publish', placements: [atHome], made: [], deletions: [], drainFirst: false })
    const sealed = [{ topic: name, topicId: bed.move(name, standby).standbyTopicId ?? '' }]
    await bed.run({ kind: 'seal-topics', cluster: standby, topics: sealed })
    await bed.apply([topicOf(name, { partitions: 3, retention: '2h' })])
    const seen = await seenByKafkajs(standbyCluster, name)
    assert.deepEqual([seen?.configs['max.message.bytes'], seen?.configs['retention.ms']], ['0', '7200000'])
    const again = await bed.apply([topicOf(name, { partitions: 3, retention: '2h' })])
    const notes = ['replicas 1 instead of 2: standby-a has 1 broker']
    assert.deepEqual([again.changes[0]?.action, again.changes[0]?.notes], ['unchanged', notes])
  })

  it('goes on without a home that does not answer, and places new topics on the standby', async (t) => {
    const space = uniqueNamespace()
    const [name, added] = [`${space}.a`, `${space}.b`]
    deleteAfter(t, [frontingCluster, standbyCluster], [name, added])
    const bed = await awayBed(t, name)
    await bed.apply(clusters(['127.0.0.1:1']))
    const { changes } = await bed.apply([topicOf(name, { partitions: 3 }), topicOf(added)])
    assert.deepEqual(changes.find((change) => change.name === name)?.notes, [
      'replicas 1 instead of 2: standby-a has 1 broker',
      `fronting-a does not answer: it gets this before ${name} comes back to it`,
    ])
    assert.equal((await seenByKafkajs(standbyCluster, name))?.partitions, 3)
    assert.deepEqual(placementOf(bed, added), { cluster: standby, holders: [standby] })
    assert.equal(bed.feed.get('Topic', added)?.spec.cluster, home)
    assert.equal(await idOf(adminOf(t, frontingCluster.bootstrap), added), undefined)
    // Home again: what was left out there is made before anybody comes back.
    await bed.apply(clusters(frontingCluster.bootstrap))
    const topics = [bed.move(name, standby), bed.move(added, standby)]
    const made = await bed.make({ kind: 'ensure-topics', cluster: home, topics })
    assert.deepEqual(
      made.map(({ partitions, replicas }) => [partitions, replicas]),
      [
        [3, 2],
        [2, 2],
      ],
    )
  })

  it('deletes a topic on every holder, by id, also later where one does not answer', async (t) => {
    const name = `${uniqueNamespace()}.a`
    deleteAfter(t, [frontingCluster, standbyCluster], [name])
    const bed = await awayBed(t, name)
    await bed.apply(clusters(['127.0.0.1:1']))
    await bed.remove(name)
    assert.equal(await idOf(adminOf(t, standbyCluster.bootstrap), name), undefined)
    assert.deepEqual(
      (await bed.store.pendingDeletions()).map(({ cluster, topic }) => [cluster, topic]),
      [[home, name]],
    )
    await bed.apply(clusters(frontingCluster.bootstrap))
    await bed.apply([])
    assert.deepEqual(await bed.store.pendingDeletions(), [])
    assert.equal(await idOf(adminOf(t, frontingCluster.bootstrap), name), undefined)
  })

  it('gives a topic that has grown meanwhile its partitions before it is moved', async (t) => {
    const name = `${uniqueNamespace()}.a`
    deleteAfter(t, [frontingCluster, standbyCluster], [name])
    const bed = await effectBed(t)
    await bed.apply([...clusters(frontingCluster.bootstrap), topicOf(name)])
    const made = await bed.make({
      kind: 'create-topics',
      cluster: standby,
      topics: [bed.move(name, standby)],
    })
    await bed.apply([topicOf(name, { partitions: 4 })])
    const placement: StoredPlacement = { topic: name, cluster: standby, holders: [home, standby] }
    await bed.run({ kind: 'publish', placements: [placement], made, deletions: [], drainFirst: false })
    assert.equal((await seenByKafkajs(standbyCluster, name))?.partitions, 4)
    assert.deepEqual(
      bed.provisioned(name).map(({ cluster, partitions }) => [cluster, partitions]),
      [
        [home, 4],
        [standby, 4],
      ],
    )
  })
})
