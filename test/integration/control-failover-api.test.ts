import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pino } from 'pino'
import { type RunningControl, startControl } from '../../src/control/control-process.ts'
import type { Change } from '../../src/control/store/control-store.ts'
import { openStore } from '../../src/control/store/open-store.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { FreezeView, OperationSummary, OperationView, PlanView } from '../../src/core/operations.ts'
import { freePort } from '../support/free-port.ts'
import { lead } from '../support/store-contract.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { placedAt, topicSpec } from '../unit/control/failover/topics.ts'
import { call } from './control-support.ts'

interface ProblemAnswer {
  readonly type: string
  readonly detail: string
}

/** A control plane whose clusters are all away: what people are told needs no Kafka. */
async function controlOfTheDead(t: TestContext): Promise<RunningControl> {
  const location = join(temporaryFolder(t), 'control.sqlite')
  const store = await openStore(location, { wallMs: () => Date.now(), onTrouble: () => undefined })
  const closed = `127.0.0.1:${await freePort()}`
  const topics = ['web.a', 'web.b'].map((name) => placedAt(topicSpec(name)))
  const clusters: Change[] = [
    { action: 'put', kind: 'Cluster', spec: { name: 'standby-a', role: 'standby', bootstrap: [closed] } },
    { action: 'put', kind: 'Cluster', spec: { name: 'alone', role: 'fronting', bootstrap: [closed] } },
    {
      action: 'put',
      kind: 'Cluster',
      spec: { name: 'fronting-a', role: 'fronting', bootstrap: [closed], standby: 'standby-a' },
    },
  ]
  const placed = topics.flatMap(({ spec, provisioned, placement }): Change[] => [
    { action: 'put', kind: 'Topic', spec, provisioned },
    { action: 'place', placement },
  ])
  const by = await lead(store)
  await store.commit([...clusters, ...placed], by)
  await store.releaseLease(by.term)
  await store.close()
  const settings = { host: '127.0.0.1', port: 0, store: location, token: '', advertise: '', leaseMs: 3000 }
  const control = await startControl(settings, { logger: pino({ level: 'silent' }), clock: systemClock })
  t.after(() => control.drain())
  return control
}

describe('failover by hand over HTTP', () => {
  it('refuses what cannot be meant, and says what to do', async (t) => {
    const { url } = await controlOfTheDead(t)
    const start = (body: unknown, kind = 'failovers') => call<ProblemAnswer>(url, 'POST', `/v1/${kind}`, body)
    for (const [body, status, detail] of [
      [{ cluster: 'fronting-a' }, 422, /^reason: is missing$/],
      [
        { cluster: 'fronting-a', reason: 'r', topic: 'web.a' },
        422,
        /^unknown key "topic": did you mean "topics"\?$/,
      ],
      [{ cluster: 'fronting-a', reason: '' }, 422, /^reason: /],
      [{ cluster: 'fronting', reason: 'r' }, 404, /^there is no cluster fronting$/],
      [
        { cluster: 'standby-a', reason: 'r' },
        409,
        /^standby-a is a standby cluster: only a fronting cluster/,
      ],
      [{ cluster: 'alone', reason: 'r' }, 409, /^cluster alone has no standby: give it one first/],
      [
        { cluster: 'fronting-a', reason: 'r', topics: ['web.c'] },
        404,
        /^there is no topic web\.c of cluster/,
      ],
      [
        { cluster: 'fronting-a', reason: 'r', planned: true },
        409,
        /is not seen to be well.*leave planned out/,
      ],
    ] as const) {
      const answer = await start(body)
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      assert.match(answer.body.detail, detail)
    }
    const back = await start({ cluster: 'fronting-a', reason: 'r' }, 'failbacks')
    assert.equal(back.status, 409)
    assert.match(back.body.detail, /cannot begin: no topic of fronting-a is on standby-a/)
    for (const path of [
      '/v1/failovers/x',
      '/v1/operations/x',
      '/v1/failbacks/x',
      '/v1/clusters/standby-a/health',
    ])
      assert.equal((await call(url, 'GET', path)).status, 404, path)
    const cancel = await call(url, 'POST', '/v1/operations/x/cancel', { reason: 'r' })
    assert.equal(cancel.status, 404)
  })

  it('plans, drills and lists without changing anything', async (t) => {
    const { url } = await controlOfTheDead(t)
    const { body: plan } = await call<PlanView>(
      url,
      'GET',
      '/v1/failovers/plan?cluster=fronting-a&topics=web.b',
    )
    assert.deepEqual(
      [plan.planned, plan.problems, plan.notes],
      [false, [], ['standby-a does not answer yet: it is woken first']],
    )
    assert.deepEqual(plan.batches, [[{ topic: 'web.b', partitions: 3, recordsPerSecond: 0 }]])
    const begun = await call<OperationView>(url, 'POST', '/v1/failovers', {
      ...{ cluster: 'fronting-a', reason: 'drill of the month', dryRun: true },
    })
    assert.equal(begun.status, 202, JSON.stringify(begun.body))
    const { id } = begun.body
    assert.equal(begun.headers.get('location'), `/v1/failovers/${id}`)
    const drill = await waitFor(
      async () => {
        const { body } = await call<OperationView>(url, 'GET', `/v1/failovers/${id}`)
        return body.state === 'done' ? body : undefined
      },
      { describe: 'the end of the drill' },
    )
    assert.equal(drill.passed, false)
    const states = new Map(drill.steps.map(({ name, state }) => [name, state]))
    assert.deepEqual(
      [states.get('scale-up'), states.get('create/0'), states.get('publish/0')],
      ['done', 'failed', 'dropped'],
    )
    assert.deepEqual(drill.topics, { total: 2, moved: 0, finished: 0 })
    const again = await call<OperationView>(url, 'POST', '/v1/failovers', {
      ...{ cluster: 'fronting-a', reason: 'again', dryRun: true, topics: ['web.a'] },
    })
    const list = async (query: string) =>
      (await call<{ items: OperationSummary[]; next?: string }>(url, 'GET', `/v1/operations?${query}`)).body
    const first = await list('limit=1&cluster=fronting-a')
    assert.deepEqual([first.items[0]?.id, first.next], [again.body.id, again.body.id])
    const second = await list(`limit=1&after=${first.next}`)
    assert.deepEqual([second.items[0]?.id, second.next], [id, undefined])
    assert.deepEqual((await call(url, 'GET', '/v1/failbacks')).body, { items: [] })
  })

  it('freezes and lifts, for one cluster and for all', async (t) => {
    const { url } = await controlOfTheDead(t)
    const frozen = async () => (await call<{ items: FreezeView[] }>(url, 'GET', '/v1/freeze')).body.items
    assert.deepEqual(await frozen(), [])
    assert.equal((await call(url, 'PUT', '/v1/freeze', { cluster: 'nobody', reason: 'r' })).status, 404)
    assert.equal((await call(url, 'PUT', '/v1/freeze', {})).status, 422)
    assert.equal((await call(url, 'PUT', '/v1/freeze', { reason: 'network' })).status, 200)
    assert.equal(
      (await call(url, 'PUT', '/v1/freeze', { cluster: 'fronting-a', reason: 'disks' })).status,
      200,
    )
    assert.deepEqual(
      (await frozen()).map(({ cluster, actor, reason }) => [cluster, actor, reason]),
      [
        [undefined, 'local', 'network'],
        ['fronting-a', 'local', 'disks'],
      ],
    )
    await waitFor(
      async () => {
        const { body } = await call<{ health?: { decision: { action: string } } }>(
          url,
          'GET',
          '/v1/clusters/fronting-a',
        )
        return body.health?.decision.action
      },
      { describe: 'the health of the cluster' },
    )
    assert.equal((await call(url, 'DELETE', '/v1/freeze')).status, 400, 'a reason is needed')
    assert.equal((await call(url, 'DELETE', '/v1/freeze?reason=over')).status, 204)
    assert.deepEqual(
      (await frozen()).map(({ cluster }) => cluster),
      ['fronting-a'],
    )
    const { body: verbose } = await call<{ checks: { clusters: { detail: object } } }>(
      url,
      'GET',
      '/readyz?verbose',
    )
    assert.ok('fronting-a' in verbose.checks.clusters.detail, JSON.stringify(verbose))
    const openapi = JSON.stringify((await call(url, 'GET', '/openapi.json')).body)
    for (const path of ['/v1/failovers/plan', '/v1/operations/{name}/cancel', '/v1/freeze'])
      assert.ok(openapi.includes(`"${path}"`), path)
  })
})
