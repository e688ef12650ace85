import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isSameJob, planJobs } from '../../../router/plan.ts'
import type { PlacementDocument } from '../../../src/core/placement.ts'
import { sampleDocument } from '../placement/sample.ts'

const bootstrap = ['127.0.0.1:1']
const document = sampleDocument({})

function heldBy(...holders: readonly string[]): PlacementDocument {
  return sampleDocument({
    clusters: [...document.clusters, { id: 'standby-a', role: 'standby', bootstrap }],
    placements: document.placements.map((placement) => ({ ...placement, holders })),
    routes: document.routes.map((route) => ({ ...route, from: 'latest' })),
  })
}

describe('the plan of a router', () => {
  it('is one job per route and holder, always from the beginning on a standby', () => {
    assert.deepEqual(
      planJobs(heldBy('fronting-a', 'standby-a'), []).map(({ key, from }) => [key, from]),
      [
        ['sample.events.kafka@fronting-a', 'latest'],
        ['sample.events.kafka@standby-a', 'earliest'],
        ['sample.events.file@fronting-a', 'latest'],
        ['sample.events.file@standby-a', 'earliest'],
      ],
    )
  })

  it('can be narrowed to some routes', () => {
    assert.deepEqual(
      planJobs(document, ['sample.events.file', 'no.such']).map(({ key }) => key),
      ['sample.events.file@fronting-a'],
    )
  })

  it('leaves a job alone when it is paused, and makes it anew when what it does changes', () => {
    const [job] = planJobs(document, [])
    assert.ok(job !== undefined)
    const { route } = job
    assert.ok(isSameJob(job, { ...job, route: { ...route, state: 'paused' } }))
    const others = [
      { ...job, route: { ...route, topic: 'another' } },
      { ...job, route: { ...route, sink: { type: 'file', directory: 'x', rotateBytes: 1 } as const } },
      { ...job, source: { ...job.source, bootstrap } },
      { ...job, target: { id: 'consumer', role: 'consumer' as const, bootstrap } },
    ]
    for (const other of others) assert.ok(!isSameJob(job, other), JSON.stringify(other))
  })
})
