import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findSource } from '../../../../src/cli/tail/source.ts'
import type { PlacementDocument } from '../../../../src/core/placement.ts'

const topic = {
  delivery: 'fast',
  partitions: 1,
  maxEventBytes: 1,
  check: 'none',
  eventId: 'none',
  compression: 'none',
  mediaTypes: [],
} as const

const document: PlacementDocument = {
  storeId: 's',
  leaseTerm: 1,
  version: 1,
  clusters: [
    { id: 'fronting-a', role: 'fronting', bootstrap: ['a:1'] },
    { id: 'consumer', role: 'consumer', bootstrap: ['c:1'] },
  ],
  placements: [
    { ...topic, topic: 'a.routed', cluster: 'fronting-a', holders: ['fronting-a'] },
    { ...topic, topic: 'a.bare', cluster: 'fronting-a', holders: ['fronting-a'] },
  ],
  routes: [
    {
      id: 'a.routed.kafka',
      topic: 'a.routed',
      sink: { type: 'kafka', cluster: 'consumer', topic: 'renamed' },
      from: 'earliest',
      state: 'running',
    },
  ],
}

test('a topic is read where its readers read, else where it arrives first, else where one asks', () => {
  const place = (name: string, asked?: string) => {
    const source = findSource(document, name, asked)
    return `${source.cluster.id}/${source.topic}`
  }
  assert.equal(place('a.routed'), 'consumer/renamed')
  assert.equal(place('a.bare'), 'fronting-a/a.bare')
  assert.equal(place('a.routed', 'fronting-a'), 'fronting-a/a.routed')
  assert.throws(() => place('a.nothing'), /there is no topic a.nothing/)
  assert.throws(() => place('a.bare', 'x'), /there is no cluster x/)
})
