import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { publishChanges } from '../../../../src/control/effects/publish-changes.ts'
import type { Publish } from '../../../../src/control/failover/effect.ts'
import type { MadeTopic } from '../../../../src/control/failover/operation.ts'
import type {
  ControlState,
  StoredPlacement,
  StoredResource,
} from '../../../../src/control/store/control-store.ts'
import type { ProvisionedTopic } from '../../../../src/core/resources.ts'
import { topicSpec } from '../failover/topics.ts'

const made = (cluster: string, topicId: string): ProvisionedTopic => ({
  ...{ cluster, topicId, partitions: 3, replicas: 1, minInSync: 1 },
})
const onStandby: MadeTopic = { topic: 'web.a', ...made('standby-a', 's1') }
const home: StoredPlacement = { topic: 'web.a', cluster: 'fronting-a', holders: ['fronting-a'] }
const away: StoredPlacement = {
  ...{ topic: 'web.a', cluster: 'standby-a', holders: ['fronting-a', 'standby-a'] },
}
const publish = (more: Partial<Publish>): Publish => ({
  ...{ kind: 'publish', placements: [], made: [], deletions: [], drainFirst: false },
  ...more,
})

function snapshot(
  placements: readonly StoredPlacement[],
  provisioned: readonly ProvisionedTopic[] | undefined,
) {
  const Topic = new Map<string, StoredResource<'Topic'>>()
  if (provisioned !== undefined)
    Topic.set('web.a', { spec: topicSpec('web.a'), provisioned, revision: 1, createdAt: '', updatedAt: '' })
  const state: ControlState = { Namespace: new Map(), Cluster: new Map(), Topic, Route: new Map() }
  return { state, placements }
}

describe('publishChanges', () => {
  const moved = publish({ placements: [away], made: [onStandby] })

  it('places, and remembers what was made beside what was there', () => {
    assert.deepEqual(publishChanges(moved, snapshot([home], [made('fronting-a', 'h1')])), [
      { action: 'place', placement: away },
      {
        ...{ action: 'provisioned', kind: 'Topic', name: 'web.a' },
        provisioned: [made('fronting-a', 'h1'), made('standby-a', 's1')],
      },
    ])
  })

  it('changes nothing the second time, whatever the order of the members is', () => {
    const reordered = { holders: away.holders, cluster: away.cluster, topic: away.topic }
    const now = snapshot([reordered], [made('fronting-a', 'h1'), made('standby-a', 's1')])
    assert.deepEqual(publishChanges(moved, now), [])
  })

  it('says so when readers are to empty the old cluster first', () => {
    const [change] = publishChanges({ ...moved, drainFirst: true }, snapshot([home], []))
    assert.deepEqual(change, { action: 'place', placement: { ...away, drainFirst: true } })
    const now = snapshot([{ ...away, drainFirst: true }], [made('standby-a', 's1')])
    assert.deepEqual(publishChanges({ ...moved, drainFirst: true }, now), [])
  })

  it('leaves out a topic that was deleted meanwhile, and deletes what was made for it', () => {
    assert.deepEqual(publishChanges(moved, snapshot([], undefined)), [
      { action: 'deleteLater', deletion: { cluster: 'standby-a', topic: 'web.a', topicId: 's1' } },
    ])
  })

  const deletion = { cluster: 'standby-a', topic: 'web.a', topicId: 's1' }
  const released = publish({ placements: [home], deletions: [deletion] })

  it('forgets what is to be deleted, and remembers to delete it, in one', () => {
    const now = snapshot(
      [{ ...home, holders: away.holders }],
      [made('fronting-a', 'h1'), made('standby-a', 's1')],
    )
    assert.deepEqual(publishChanges(released, now), [
      { action: 'place', placement: home },
      { action: 'provisioned', kind: 'Topic', name: 'web.a', provisioned: [made('fronting-a', 'h1')] },
      { action: 'deleteLater', deletion },
    ])
    assert.deepEqual(publishChanges(released, snapshot([home], [made('fronting-a', 'h1')])), [])
  })

  it('does not delete a topic that was made anew under the same name', () => {
    const now = snapshot([home], [made('fronting-a', 'h1'), made('standby-a', 's2')])
    assert.deepEqual(publishChanges(released, now), [])
  })
})
