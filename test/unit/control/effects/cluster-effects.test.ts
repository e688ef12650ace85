import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EffectBody } from '../../../../src/control/failover/effect.ts'
import type { Acknowledgement } from '../../../../src/control/failover/leases.ts'
import { placedAt, topicSpec } from '../failover/topics.ts'
import { EffectRig } from './rig.ts'

const cluster = 'standby-a'
const move = { topic: 'web.a', partitions: 3, spec: topicSpec('web.a'), holders: ['fronting-a'] }
const topicId = { topic: 'web.a', topicId: 'id' }
const publish: EffectBody = {
  kind: 'publish',
  placements: [{ topic: 'web.a', cluster, holders: ['fronting-a', cluster] }],
  made: [],
  deletions: [],
  drainFirst: false,
}
const every: readonly EffectBody[] = [
  { kind: 'call-hook', hook: 'scale-up', cluster: 'fronting-a', standby: cluster },
  { kind: 'canary', cluster },
  { kind: 'create-topics', cluster, topics: [move] },
  { kind: 'await-leaders', cluster, topics: [] },
  publish,
  { kind: 'await-acknowledged', version: 1, settled: false },
  { kind: 'check-gate', cluster },
  { kind: 'ensure-topics', cluster, topics: [move] },
  { kind: 'seal-topics', cluster, topics: [topicId] },
  { kind: 'probe-sealed', cluster, topics: [{ ...topicId, partitions: 3 }] },
  { kind: 'unseal-topics', cluster, topics: [move] },
  { kind: 'read-end-offsets', cluster, topics: [topicId] },
  { kind: 'await-drained', cluster, offsets: [] },
  { kind: 'delete-topics', cluster, topics: [topicId] },
]

describe('an effect of a term that is over', () => {
  for (const body of every)
    it(`does nothing: ${body.kind}`, async () => {
      const rig = new EffectRig({ hooks: { scaleUp: 'exit 1', scaleDown: 'exit 1', timeoutMs: 1000 } })
      rig.term = 8
      await assert.rejects(rig.run(body), /term 7 is over, 8 has begun: nothing was done/)
      assert.deepEqual(rig.commits, [])
    })

  it('does nothing when the lease has run out, though nobody has taken it yet', async () => {
    const rig = new EffectRig()
    rig.remainingMs = 0
    await assert.rejects(rig.run(publish), /the lease of term 7 has run out/)
  })
})

describe('publish', () => {
  const rigWith = () => {
    const rig = new EffectRig()
    const { spec, placement, provisioned } = placedAt(topicSpec('web.a'))
    const stored = { spec, provisioned, revision: 1, createdAt: '', updatedAt: '' }
    rig.state = { ...rig.state, Topic: new Map([['web.a', stored]]) }
    rig.placements = [placement]
    return rig
  }

  it('commits once and gives the version, and tells again when it is repeated', async () => {
    const rig = rigWith()
    assert.deepEqual(await rig.run(publish), { kind: 'version', version: 4 })
    assert.equal(rig.commits.length, 1)
    if (publish.kind === 'publish') rig.placements = [...publish.placements]
    assert.deepEqual(await rig.run(publish), { kind: 'version', version: 4 })
    assert.equal(rig.commits.length, 1)
    assert.deepEqual(rig.told, [4, 4])
  })

  it('gives the present version in a drill', async () => {
    const rig = rigWith()
    assert.deepEqual(await rig.run(publish, { dryRun: true }), { kind: 'version', version: 3 })
    assert.deepEqual(rig.commits, [])
  })
})

describe('await-acknowledged', () => {
  const body: EffectBody = { kind: 'await-acknowledged', version: 9, settled: true }
  const waiting: Acknowledgement = { complete: false, acknowledged: ['a'], waitingFor: ['b'], ended: ['c'] }

  it('looks until every live proxy works by it, and says whom it waits for', async () => {
    const looks: unknown[] = []
    const rig = new EffectRig({
      acknowledgement: (awaited) => {
        looks.push(awaited)
        return looks.length < 3 ? waiting : { ...waiting, complete: true, acknowledged: ['a', 'b'] }
      },
    })
    assert.deepEqual(await rig.run(body), { kind: 'proxies', acknowledged: 2, ended: ['c'] })
    assert.deepEqual(looks[0], { storeId: 'store', version: 9, settled: true })
    assert.deepEqual(rig.progress, ['waiting for 1 proxies to settle what was sent before placement 9: b'])
  })

  it('does not wait in a drill', async () => {
    const rig = new EffectRig({ acknowledgement: () => waiting })
    assert.deepEqual(await rig.run(body, { dryRun: true }), {
      ...{ kind: 'proxies', acknowledged: 1, ended: ['c'] },
    })
  })

  it('says what it waits for when it has waited too long, and ends at once when stopped', async () => {
    const rig = new EffectRig({ acknowledgement: () => waiting, longestWaitMs: 0 })
    await assert.rejects(rig.run(body), /waiting for 1 proxies .* 9: b/)
    const stopped = AbortSignal.abort(new Error('stopped'))
    await assert.rejects(rig.run(body, {}, stopped), /stopped/)
  })
})

describe('canary', () => {
  it('is tried until it comes through, and once in a drill', async () => {
    let tries = 0
    const probes = {
      throughEachBroker: async () => {
        tries += 1
        if (tries < 3) throw new Error('no record came through broker 1')
      },
      partitionsBehind: async () => 0,
    }
    const rig = new EffectRig({ probes })
    await assert.rejects(rig.run({ kind: 'canary', cluster }, { dryRun: true }), /broker 1/)
    assert.deepEqual(await rig.run({ kind: 'canary', cluster }), { kind: 'none' })
    assert.equal(tries, 3)
  })
})

it('says which cluster was removed', async () => {
  const rig = new EffectRig()
  await assert.rejects(rig.run({ kind: 'canary', cluster: 'gone' }), /cluster gone was removed/)
})
