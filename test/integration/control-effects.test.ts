import assert from 'node:assert/strict'
import { before, describe, it, type TestContext } from 'node:test'
import type { EffectBody } from '../../src/control/failover/effect.ts'
import type { TopicMove } from '../../src/control/failover/plan.ts'
import type { ClusterAdmin } from '../../src/kafka/admin.ts'
import { type ClusterAddress, sharedCluster } from '../support/kafka.ts'
import { waitFor } from '../support/wait-for.ts'
import { adminOf, type EffectBed, effectBed, idOf, independentClient } from './control-effects-support.ts'
import { deleteAfter, uniqueNamespace } from './control-support.ts'

const standby = 'standby-a'
const home = 'fronting-a'
const tooLarge = 10

describe('effects on real clusters', () => {
  let frontingCluster: ClusterAddress
  let standbyCluster: ClusterAddress

  before(async () => {
    ;[frontingCluster, standbyCluster] = await Promise.all([
      sharedCluster('fronting'),
      sharedCluster('standby'),
    ])
  })

  /** Topics on their home, with routes to files. */
  async function bedWith(t: TestContext, names: readonly string[], more: object = {}): Promise<EffectBed> {
    deleteAfter(t, [frontingCluster, standbyCluster], names)
    const bed = await effectBed(t)
    await bed.apply([
      { kind: 'Cluster', name: home, role: 'fronting', bootstrap: frontingCluster.bootstrap, standby },
      { kind: 'Cluster', name: standby, role: 'standby', bootstrap: standbyCluster.bootstrap },
      ...names.map((name) => ({ kind: 'Topic', name, owner: 'team', partitions: 2, ...more })),
      ...names.map((topic) => ({ kind: 'Route', topic, sink: { type: 'file' } })),
    ])
    return bed
  }

  it('makes a batch once, and gives the same ids again', async (t) => {
    const space = uniqueNamespace()
    const names = [`${space}.a`, `${space}.b`]
    const bed = await bedWith(t, names)
    const create = {
      kind: 'create-topics',
      cluster: standby,
      topics: names.map((name) => bed.move(name, standby)),
    } as const
    const drill = await bed.make(create, { dryRun: true })
    assert.deepEqual(
      drill.map(({ topic, topicId, replicas }) => [topic, topicId, replicas]),
      names.map((name) => [name, '00000000-0000-0000-0000-000000000000', 1]),
    )
    const admin = adminOf(t, standbyCluster.bootstrap)
    assert.equal((await admin.describeTopics(names)).size, 0, 'a drill makes nothing')
    const first = await bed.make(create)
    assert.deepEqual(
      first.map(({ topic, cluster, partitions, degraded }) => ({ topic, cluster, partitions, degraded })),
      names.map((topic) => ({ topic, cluster: standby, partitions: 2, degraded: 'replicas 1' })),
    )
    const lead = { kind: 'await-leaders', cluster: standby, topics: first } as const
    await bed.run(lead)
    await bed.run(lead)
    assert.deepEqual(await bed.make(create), first)
    const undo = { kind: 'delete-topics', cluster: standby, topics: first } as const
    await bed.run(undo, { dryRun: true })
    assert.equal((await admin.describeTopics(names)).size, 2)
    await bed.run(undo)
    await bed.run(undo)
    assert.equal((await admin.describeTopics(names)).size, 0)
  })

  it('takes over a topic that is there only when it is empty or known by its id', async (t) => {
    const name = `${uniqueNamespace()}.a`
    const bed = await bedWith(t, [name])
    const admin = adminOf(t, standbyCluster.bootstrap)
    const client = independentClient(t, standbyCluster.bootstrap)
    await admin.createTopics([{ name, partitions: 1, replicas: 1, configs: { 'max.message.bytes': '0' } }])
    const create = (move: TopicMove) => ({ kind: 'create-topics', cluster: standby, topics: [move] }) as const
    const unknown = bed.move(name, standby)
    const [made] = await bed.make(create(unknown))
    await waitFor(async () => (await admin.describeTopics([name])).get(name)?.partitions.length === 2, {
      describe: 'the second partition',
    })
    const standbyTopicId = await idOf(admin, name)
    assert.ok(standbyTopicId !== undefined)
    assert.equal(made?.topicId, standbyTopicId)
    await waitFor(async () => (await client.produce(name, 0)) === 0, { describe: 'it takes a record' })
    await assert.rejects(bed.make(create(unknown)), /standby-a has a topic .* not ours and holds 1 records/)
    const [known] = await bed.make(create({ ...unknown, standbyTopicId }))
    assert.equal(known?.topicId, standbyTopicId)
  })

  it('deletes what was to be deleted before it makes a topic of that name, and only by id', async (t) => {
    const name = `${uniqueNamespace()}.a`
    const bed = await bedWith(t, [name])
    const admin = adminOf(t, standbyCluster.bootstrap)
    const create = { kind: 'create-topics', cluster: standby, topics: [bed.move(name, standby)] } as const
    const [old] = await bed.make(create)
    assert.ok(old !== undefined)
    await bed.commit([
      { action: 'deleteLater', deletion: { cluster: standby, topic: name, topicId: old.topicId } },
    ])
    const [made] = await bed.make(create)
    assert.ok(made !== undefined && made.topicId !== old.topicId)
    assert.deepEqual(await bed.store.pendingDeletions(), [])
    await bed.run({ kind: 'delete-topics', cluster: standby, topics: [old] })
    assert.equal(await idOf(admin, name), made.topicId, 'a topic of the same name is left alone')
  })

  it('seals, is refused, and unseals again', async (t) => {
    const name = `${uniqueNamespace()}.a`
    const bed = await bedWith(t, [name])
    const client = independentClient(t, standbyCluster.bootstrap)
    const [made] = await bed.make({
      kind: 'create-topics',
      cluster: standby,
      topics: [bed.move(name, standby)],
    })
    assert.ok(made !== undefined)
    await bed.run({ kind: 'await-leaders', cluster: standby, topics: [made] })
    const sealed = [{ topic: name, topicId: made.topicId, partitions: 2 }]
    const seal = { kind: 'seal-topics', cluster: standby, topics: sealed } as const
    const probe = { kind: 'probe-sealed', cluster: standby, topics: sealed } as const
    await bed.run(seal, { dryRun: true })
    await bed.run(probe, { dryRun: true })
    assert.equal(await client.produce(name, 0), 0)
    await bed.run(seal)
    await bed.run(seal)
    await bed.run(probe)
    await bed.run(probe)
    assert.deepEqual(
      [await client.produce(name, 0, 1), await client.produce(name, 1, -1)],
      [tooLarge, tooLarge],
    )
    const ends = await bed.run({ kind: 'read-end-offsets', cluster: standby, topics: sealed })
    assert.deepEqual(ends, {
      ...{ kind: 'offsets', offsets: [{ topic: name, topicId: made.topicId, ends: [1, 0] }] },
    })
    const move = bed.move(name, standby)
    const unseal = (standbyTopicId: string): EffectBody => ({
      kind: 'unseal-topics',
      cluster: standby,
      topics: [{ ...move, standbyTopicId }],
    })
    await bed.run(unseal(made.topicId), { dryRun: true })
    assert.equal(await client.produce(name, 0), tooLarge)
    await bed.run(unseal(made.topicId))
    await bed.run(unseal(made.topicId))
    assert.deepEqual([await client.produce(name, 0, 1), await client.produce(name, 1, -1)], [0, 0])
    await assert.rejects(
      bed.run(unseal(made.topicId.replace(/^./, 'f'))),
      /is not on standby-a any more under its id/,
    )
  })

  it('seals nothing that has another id by now', async (t) => {
    const name = `${uniqueNamespace()}.a`
    const bed = await bedWith(t, [name])
    const [made] = await bed.make({
      kind: 'create-topics',
      cluster: standby,
      topics: [bed.move(name, standby)],
    })
    assert.ok(made !== undefined)
    const otherId = made.topicId.replace(/^./, (first) => (first === 'f' ? 'e' : 'f'))
    const other = [{ topic: name, topicId: otherId, partitions: 2 }]
    await bed.run({ kind: 'seal-topics', cluster: standby, topics: other })
    await bed.run({ kind: 'probe-sealed', cluster: standby, topics: other })
    const admin = adminOf(t, standbyCluster.bootstrap)
    const configs = (await admin.topicConfigs([name], ['max.message.bytes'])).get(name)
    assert.ok(configs instanceof Map)
    assert.notEqual(configs.get('max.message.bytes')?.value, '0')
  })

  it('waits until every route has committed what was there, and says which has not', async (t) => {
    const name = `${uniqueNamespace()}.a`
    const bed = await bedWith(t, [name])
    const client = independentClient(t, frontingCluster.bootstrap)
    const route = `${name}.file`
    for (const partition of [0, 0, 1]) assert.equal(await client.produce(name, partition, -1), 0)
    const topicId = bed.move(name, standby).homeTopicId ?? ''
    const read = await bed.run({
      kind: 'read-end-offsets',
      cluster: home,
      topics: [{ topic: name, topicId }],
    })
    assert.ok(read.kind === 'offsets')
    assert.deepEqual(read.offsets, [{ topic: name, topicId, ends: [2, 1] }])
    const drained = { kind: 'await-drained', cluster: home, offsets: read.offsets } as const
    await bed.run(drained, { dryRun: true })
    await client.commitGroup(`forebay.${route}`, name, [1, 1])
    const stopping = new AbortController()
    const waiting = bed.run(drained, {}, stopping.signal)
    await waitFor(() => bed.progress.at(-1)?.includes(`${route} has 1 to go`), {
      describe: 'the route to be named',
      state: () => bed.progress,
    })
    await client.commitGroup(`forebay.${route}`, name, [2, 1])
    assert.deepEqual(await waiting, { kind: 'none' })
    await bed.run(drained)
    await bed.run({
      ...drained,
      offsets: [{ topic: name, topicId: topicId.replace(/^./, 'f'), ends: [9, 9] }],
    })
  })

  it('makes topics be as specified on a home that came back empty, or with fewer partitions', async (t) => {
    const space = uniqueNamespace()
    const names = [`${space}.lost`, `${space}.short`, `${space}.well`]
    const bed = await bedWith(t, names)
    const admin = adminOf(t, frontingCluster.bootstrap)
    const [lost, short, well] = names.map((name) => bed.move(name, standby))
    assert.ok(lost !== undefined && short !== undefined && well !== undefined)
    await bed.run({
      ...{ kind: 'delete-topics', cluster: home },
      topics: [{ topic: lost.topic, topicId: lost.homeTopicId ?? '' }],
    })
    await admin.alterTopicConfigs(new Map([[well.topic, { 'retention.ms': '1000' }]]))
    await untilRetention(admin, well.topic, '1000')
    const wanted = [lost, { ...short, spec: { ...short.spec, partitions: 4 } }, well]
    await bed.apply([{ kind: 'Topic', name: short.topic, owner: 'team', partitions: 4 }])
    const ensure = { kind: 'ensure-topics', cluster: home, topics: wanted } as const
    const drill = await bed.make(ensure, { dryRun: true })
    assert.equal(drill[2]?.topicId, well.homeTopicId)
    assert.equal(await idOf(admin, lost.topic), undefined)
    const first = await bed.make(ensure)
    assert.deepEqual(
      first.map(({ partitions, replicas }) => [partitions, replicas]),
      [
        [2, 2],
        [4, 2],
        [2, 2],
      ],
    )
    assert.notEqual(first[0]?.topicId, lost.homeTopicId)
    assert.deepEqual(await bed.make(ensure), first)
    await bed.run({ kind: 'await-leaders', cluster: home, topics: first })
    await untilRetention(admin, well.topic, '28800000')
  })

  it('repairs drifted configs at the gate, and waits for replicas in sync', async (t) => {
    const name = `${uniqueNamespace()}.a`
    let behind = 2
    const asked: string[][] = []
    deleteAfter(t, [frontingCluster], [name])
    const bed = await effectBed(t, {
      probes: {
        throughEachBroker: async () => undefined,
        partitionsBehind: async (_cluster, topics) => {
          asked.push([...topics])
          behind = Math.max(0, behind - 1)
          return behind
        },
      },
    })
    await bed.apply([
      { kind: 'Cluster', name: home, role: 'fronting', bootstrap: frontingCluster.bootstrap },
      { kind: 'Topic', name, owner: 'team', partitions: 1 },
    ])
    const admin = adminOf(t, frontingCluster.bootstrap)
    await admin.alterTopicConfigs(new Map([[name, { 'retention.ms': '1000' }]]))
    await untilRetention(admin, name, '1000')
    const gate = { kind: 'check-gate', cluster: home } as const
    await assert.rejects(bed.run(gate, { dryRun: true }), /1 partitions of fronting-a have replicas/)
    assert.equal(await retentionOf(admin, name), '1000', 'a drill repairs nothing')
    await bed.run(gate)
    await bed.run(gate)
    await untilRetention(admin, name, '28800000')
    assert.deepEqual(asked[0], [name])
  })

  it('has the leaders of a hundred topics soon', async (t) => {
    const space = uniqueNamespace()
    const names = Array.from({ length: 100 }, (_, index) => `${space}.t${index}`)
    deleteAfter(t, [standbyCluster], names)
    const bed = await bedWith(t, [`${space}.base`])
    const base = bed.move(`${space}.base`, standby)
    const topics = names.map((topic) => ({
      ...base,
      topic,
      spec: { ...base.spec, name: topic, partitions: 4 },
    }))
    const startMs = performance.now()
    const made = await bed.make({ kind: 'create-topics', cluster: standby, topics })
    const createdMs = performance.now()
    await bed.run({ kind: 'await-leaders', cluster: standby, topics: made })
    const ledMs = performance.now()
    t.diagnostic(
      `100 topics: ids after ${Math.round(createdMs - startMs)} ms, leaders after ${Math.round(ledMs - startMs)} ms`,
    )
    assert.equal(new Set(made.map(({ topicId }) => topicId)).size, 100)
  })
})

async function retentionOf(admin: ClusterAdmin, topic: string): Promise<string | null | undefined> {
  const configs = (await admin.topicConfigs([topic], ['retention.ms'])).get(topic)
  return configs instanceof Map ? configs.get('retention.ms')?.value : undefined
}

/** A broker hears of a config later than the controller. */
async function untilRetention(admin: ClusterAdmin, topic: string, value: string): Promise<void> {
  await waitFor(async () => (await retentionOf(admin, topic)) === value, {
    describe: `retention.ms ${value}`,
  })
}
