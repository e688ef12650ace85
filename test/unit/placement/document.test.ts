import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { comparePlacements, type PlacementDocument } from '../../../src/core/placement.ts'
import { checkPlacementDocument } from '../../../src/placement/document.ts'
import { sampleDocument } from './sample.ts'

const [topic] = sampleDocument({}).placements
const [route] = sampleDocument({}).routes
const [cluster] = sampleDocument({}).clusters

describe('checkPlacementDocument', () => {
  it('takes a good document, also with members that a newer control plane may send', () => {
    assert.equal(checkPlacementDocument(sampleDocument({})).ok, true)
    assert.equal(checkPlacementDocument({ ...sampleDocument({}), tomorrow: [1] }).ok, true)
    assert.equal(
      checkPlacementDocument(sampleDocument({ placements: [], routes: [], clusters: [] })).ok,
      true,
    )
  })

  const rubbish: readonly (readonly [string, unknown])[] = [
    ['null', null],
    ['a list', []],
    ['an empty object', {}],
    ['a fractional version', sampleDocument({ version: 1.5 })],
    ['a version beyond safe integers', sampleDocument({ version: 2 ** 60 })],
    ['a negative term', sampleDocument({ leaseTerm: -1 })],
    ['no store', sampleDocument({ storeId: '' })],
    ['a bootstrap without port', withCluster({ bootstrap: ['broker'] })],
    ['no bootstrap', withCluster({ bootstrap: [] })],
    ['an unknown role', withCluster({ role: 'spare' })],
    ['a topic name that is a path', withTopic({ topic: '../../etc/passwd' })],
    ['no partitions', withTopic({ partitions: 0 })],
    ['an unknown delivery class', withTopic({ delivery: 'slow' })],
    ['a cluster that is not listed', withTopic({ cluster: 'gone', holders: ['gone'] })],
    ['holders without the cluster', withTopic({ holders: ['consumer'] })],
    ['a standby that is not listed', withTopic({ standby: 'standby-a' })],
    ['a topic placed twice', { ...sampleDocument({}), placements: [topic, topic] }],
    ['a route twice', { ...sampleDocument({}), routes: [route, route] }],
    ['a route of a topic that is not placed', withRoute({ topic: 'other.topic' })],
    ['an unknown sink', withRoute({ sink: { type: 's3' } })],
    [
      'a sink on a cluster that is not listed',
      withRoute({ sink: { type: 'kafka', cluster: 'x', topic: 'y' } }),
    ],
    ['a file that never rotates', withRoute({ sink: { type: 'file', directory: 'd', rotateBytes: 0 } })],
  ]
  for (const [what, value] of rubbish) {
    it(`refuses ${what}`, () => {
      const checked = checkPlacementDocument(value)
      assert.equal(checked.ok, false)
      assert.ok(!checked.ok && checked.reason.length > 5, JSON.stringify(checked))
    })
  }
})

describe('comparePlacements', () => {
  const cases: readonly (readonly [Partial<PlacementDocument>, string])[] = [
    [{ leaseTerm: 1, version: 5 }, 'same'],
    [{ leaseTerm: 1, version: 6 }, 'newer'],
    [{ leaseTerm: 1, version: 4 }, 'older'],
    [{ leaseTerm: 2, version: 1 }, 'newer'],
    [{ leaseTerm: 0, version: 9 }, 'older'],
    [{ leaseTerm: 2, version: 9, storeId: 'another' }, 'unknown-store'],
  ]
  for (const [next, order] of cases) {
    it(`${JSON.stringify(next)} is ${order}`, () => {
      const current = sampleDocument({ leaseTerm: 1, version: 5 })
      assert.equal(comparePlacements(current, sampleDocument(next)), order)
    })
  }
})

function withCluster(changes: object): unknown {
  return {
    ...sampleDocument({}),
    clusters: [{ ...cluster, ...changes }, ...sampleDocument({}).clusters.slice(1)],
  }
}

function withTopic(changes: object): unknown {
  return { ...sampleDocument({}), placements: [{ ...topic, ...changes }], routes: [] }
}

function withRoute(changes: object): unknown {
  return { ...sampleDocument({}), routes: [{ ...route, ...changes }] }
}
