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

  it('says which jobs only empty what producers left, and which have to wait for that', () => {
    const moved = heldBy('standby-a', 'fronting-a')
    const [placement] = moved.placements
    assert.ok(placement !== undefined)
    const jobs = (drainFirst: boolean) =>
      planJobs({ ...moved, placements: [{ ...placement, cluster: 'standby-a', drainFirst }] }, [
        'sample.events.kafka',
      ])
    const shown = jobs(true).map(({ key, draining, after }) => [key, draining, after.map(({ id }) => id)])
    assert.deepEqual(shown, [
      ['sample.events.kafka@standby-a', false, ['fronting-a']],
      ['sample.events.kafka@fronting-a', true, []],
    ])
    const [gated, open] = [jobs(true)[0], jobs(false)[0]]
    assert.ok(gated !== undefined && open !== undefined)
    assert.deepEqual(open.after, [])
    assert.ok(isSameJob(gated, open), 'it is told that it need not wait any more')
    assert.ok(!isSameJob(open, gated), 'one that reads already is made anew')
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
