import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Places } from '../../../src/control/apply/place.ts'
import type { RealisedTopic } from '../../../src/control/apply/realise.ts'
import { topicChanges } from '../../../src/control/apply/record.ts'
import type {
  ControlState,
  StoredPlacement,
  StoredResource,
} from '../../../src/control/store/control-store.ts'
import type { ClusterSpec, ProvisionedTopic, TopicSpec } from '../../../src/core/resources.ts'
import { topicSpec } from './failover/topics.ts'

const stamps = { provisioned: [], revision: 1, createdAt: '', updatedAt: '' }
const on = (cluster: string, more: Partial<ProvisionedTopic> = {}): ProvisionedTopic => ({
  ...{ cluster, topicId: `${cluster}-id`, partitions: 3, replicas: 2, minInSync: 1, ...more },
})

function stateWith(topics: readonly (readonly [TopicSpec, readonly ProvisionedTopic[]])[]): ControlState {
  const cluster: ClusterSpec = {
    ...{ name: 'fronting-a', role: 'fronting', bootstrap: ['a:1'], standby: 'standby-a' },
  }
  return {
    Namespace: new Map(),
    Cluster: new Map([['fronting-a', { ...stamps, spec: cluster }]]),
    Topic: new Map(
      topics.map(([spec, provisioned]): [string, StoredResource<'Topic'>] => [
        spec.name,
        { ...stamps, spec, provisioned },
      ]),
    ),
    Route: new Map(),
  }
}

const spec = topicSpec('web.a')
const grown = { ...spec, partitions: 5 }
const home: StoredPlacement = { topic: 'web.a', cluster: 'fronting-a', holders: ['fronting-a'] }
const away: StoredPlacement = {
  ...{ topic: 'web.a', cluster: 'standby-a', holders: ['fronting-a', 'standby-a'] },
}
const realised = (more: Partial<RealisedTopic>): RealisedTopic => ({
  ...{ spec, place: home, made: [on('fronting-a')], routes: [], notes: [], ...more },
})
const changesOf = (one: RealisedTopic, state: ControlState, placements: readonly StoredPlacement[]) =>
  topicChanges(one, state, new Places({ state, placements }))

describe('topicChanges', () => {
  it('stores and places a new topic', () => {
    const made = [on('fronting-a', { degraded: 'replicas 1' })]
    assert.deepEqual(changesOf(realised({ made }), stateWith([]), []), [
      { action: 'put', kind: 'Topic', spec, provisioned: made },
      { action: 'place', placement: { ...home, degraded: 'replicas 1' } },
    ])
  })

  it('changes nothing of a topic that is as it was', () => {
    assert.deepEqual(changesOf(realised({}), stateWith([[spec, [on('fronting-a')]]]), [home]), [])
  })

  it('follows what is degraded where the topic is', () => {
    const state = stateWith([[spec, [on('fronting-a')]]])
    assert.deepEqual(
      changesOf(realised({}), state, [{ ...home, degraded: 'replicas 1', drainFirst: true }]),
      [{ action: 'place', placement: { ...home, drainFirst: true } }],
    )
  })

  it('keeps what is known of a holder that did not answer', () => {
    const state = stateWith([[spec, [on('fronting-a'), on('standby-a')]]])
    const made = [on('standby-a', { partitions: 5 })]
    assert.deepEqual(changesOf(realised({ spec: grown, place: away, made }), state, [away]), [
      {
        ...{ action: 'put', kind: 'Topic', spec: grown },
        provisioned: [on('fronting-a'), on('standby-a', { partitions: 5 })],
      },
    ])
  })

  it('does not remember again what was released meanwhile', () => {
    const made = [on('fronting-a'), on('standby-a')]
    const state = stateWith([[spec, [on('fronting-a')]]])
    assert.deepEqual(changesOf(realised({ place: away, made }), state, [home]), [])
  })

  it('is refused when the topic was moved meanwhile to where nobody has looked', () => {
    const state = stateWith([[spec, [on('fronting-a'), on('standby-a')]]])
    assert.throws(
      () => changesOf(realised({ spec: grown }), state, [away]),
      /Topic web.a was moved to standby-a meanwhile: apply again/,
    )
  })
})

describe('Places', () => {
  const fresh = topicSpec('web.new')
  const placeOf = (placements: readonly StoredPlacement[]) =>
    new Places({ state: stateWith([[spec, []]]), placements }).of(fresh)

  it('places a new topic on its home', () => {
    assert.deepEqual(placeOf([home]), {
      ...{ topic: 'web.new', cluster: 'fronting-a', holders: ['fronting-a'] },
    })
  })

  it('places it with the others when they are away', () => {
    assert.deepEqual(placeOf([away]), { topic: 'web.new', cluster: 'standby-a', holders: ['standby-a'] })
  })

  it('lets a person bring it home where a person moved the others', () => {
    assert.equal(placeOf([{ ...away, movedByHand: true }]).movedByHand, true)
  })

  it('leaves one that is placed where it is', () => {
    const state = stateWith([[spec, []]])
    assert.equal(new Places({ state, placements: [away] }).of(spec), away)
  })
})
