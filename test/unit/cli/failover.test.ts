import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OperationView } from '../../../src/core/operations.ts'
import { fakeControl, forebay } from './harness.ts'

const running: OperationView = {
  id: 'failover-1',
  kind: 'failover',
  cluster: 'fronting-a',
  state: 'running',
  dryRun: false,
  automatic: false,
  actor: 'local',
  reason: 'fire',
  createdAt: '2026-01-01T00:00:00.000Z',
  running: ['create/0'],
  standby: 'standby-a',
  planned: false,
  term: 1,
  tookMs: 1000,
  topics: { total: 3, moved: 0, finished: 0 },
  batches: { total: 1, moved: 0 },
  steps: [
    {
      name: 'create/0',
      state: 'running',
      topics: 3,
      attempts: 1,
      tookMs: 1000,
      waiting: '2 topics are missing',
    },
    { name: 'lead/0', state: 'waiting', topics: 3, attempts: 0 },
  ],
  left: [{ topic: 'web.z', why: 'no room' }],
  notes: [],
}
const done: OperationView = {
  ...running,
  state: 'done',
  endedAt: '2026-01-01T00:00:04.000Z',
  running: [],
  tookMs: 4000,
  topics: { total: 3, moved: 3, finished: 3 },
  batches: { total: 1, moved: 1 },
  steps: [{ name: 'create/0', state: 'done', topics: 3, attempts: 0, tookMs: 900, found: '3 topics' }],
  final: 'it has ended',
}

describe('failover by hand', () => {
  test('start says why, follows it to its end, and shows every step', async (t) => {
    const server = await fakeControl(t, ({ method }, index) =>
      method === 'POST' ? { status: 202, body: running } : { status: 200, body: index < 3 ? running : done },
    )
    const words = [
      'failover',
      'start',
      'fronting-a',
      '--topics',
      'web.a,web.b',
      '--reason',
      'fire',
      '--no-planned',
    ]
    const { code, out } = await forebay([...words, '--control', server.url])
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(server.seen[0]?.body ?? ''), {
      cluster: 'fronting-a',
      reason: 'fire',
      topics: ['web.a', 'web.b'],
      planned: false,
    })
    assert.match(out, /^failover-1: done after 4s\n/)
    assert.match(out, /3 of 3 topics moved, 3 finished, in 1 batch\n/)
    assert.match(out, /stays: web\.z: no room\n/)
    assert.match(out, /create\/0 +done +900ms +3 +- +3 topics\n/)
  })

  test('Ctrl-C ends the watching only, and says how to go on', async (t) => {
    const interrupted = new AbortController()
    const server = await fakeControl(t, ({ method }) => {
      if (method === 'POST') setTimeout(() => interrupted.abort(), 50)
      return { status: 202, body: running }
    })
    const words = ['failover', 'start', 'fronting-a', '--reason', 'fire', '--control', server.url]
    const { code, err, out } = await forebay(words, { interrupted: interrupted.signal })
    assert.equal(code, 1)
    assert.match(err, /failover-1 goes on without this command\.\nSee it: forebay failover show failover-1\n/)
    assert.match(err, /forebay operation cancel failover-1 --reason/)
    assert.equal(out, '')
  })

  test('a drill that did not pass, and an operation that was taken back, exit with 1', async (t) => {
    for (const body of [
      { ...done, dryRun: true, passed: false },
      { ...done, state: 'undone', undoReason: 'it is well again' },
    ]) {
      const server = await fakeControl(t, () => ({ status: 202, body }))
      const words = ['failover', 'start', 'fronting-a', '--reason', 'drill', '--control', server.url]
      const { code, out } = await forebay(words)
      assert.equal(code, 1)
      assert.match(out, /the drill did not pass: see the steps|taken back: it is well again/)
    }
  })

  test('start that does not wait has begun it, whatever becomes of it', async (t) => {
    const server = await fakeControl(t, () => ({ status: 202, body: running }))
    const words = ['failover', 'start', 'fronting-a', '--reason', 'fire', '--no-wait']
    const { code, out } = await forebay([...words, '--control', server.url])
    assert.equal(code, 0)
    assert.match(out, /^began failover-1\n\nSee: forebay failover show failover-1\n/)
    assert.equal(server.seen.length, 1)
  })

  test('cancel is done when it is taken back', async (t) => {
    const server = await fakeControl(t, ({ method }) =>
      method === 'POST'
        ? { status: 202, body: { ...running, state: 'undoing' } }
        : { status: 200, body: { ...done, state: 'undone' } },
    )
    const words = ['operation', 'cancel', 'failover-1', '--reason', 'false alarm', '--control', server.url]
    const { code, out } = await forebay(words)
    assert.equal(code, 0)
    assert.equal(server.seen[0]?.url, '/v1/operations/failover-1/cancel')
    assert.match(out, /taken back after 4s/)
  })

  test('cancel fails when it is not seen that it was taken back', async (t) => {
    const interrupted = new AbortController()
    const server = await fakeControl(t, ({ method }) => {
      if (method === 'POST') setTimeout(() => interrupted.abort(), 50)
      return { status: 202, body: { ...running, state: 'undoing' } }
    })
    const words = ['operation', 'cancel', 'failover-1', '--reason', 'false alarm', '--control', server.url]
    const { code, err } = await forebay(words, { interrupted: interrupted.signal })
    assert.equal(code, 1)
    assert.match(err, /failover-1 goes on without this command/)
  })

  test('plan shows the order, what stays and what stands in the way', async (t) => {
    const body = {
      kind: 'failover',
      cluster: 'fronting-a',
      standby: 'standby-a',
      planned: true,
      batches: [[{ topic: 'web.a', partitions: 6, recordsPerSecond: 12_345.6 }]],
      left: [{ topic: 'web.z', why: 'no room' }],
      notes: ['replicas 1 there for 1 topic'],
      problems: ['failover f of fronting-a is under way'],
    }
    const server = await fakeControl(t, () => ({ status: 200, body }))
    const { code, out } = await forebay(['failover', 'plan', 'fronting-a', '--control', server.url])
    assert.equal(code, 0)
    assert.equal(server.seen[0]?.url, '/v1/failovers/plan?cluster=fronting-a')
    assert.match(out, /^1 topic from fronting-a to standby-a in 1 batch, planned: nothing is lost\n/)
    assert.match(out, / +1 +web\.a +6 +12,346\n/)
    assert.match(out, /cannot begin: failover f of fronting-a is under way\n/)
  })

  test('freeze asks for a reason, lifts with --off, and shows what is frozen', async (t) => {
    const items = [{ cluster: 'fronting-a', actor: 'local', reason: 'upgrade', at: '2026-01-01T00:00:00Z' }]
    const server = await fakeControl(t, ({ method }) =>
      method === 'DELETE' ? { status: 204 } : { status: 200, body: { items } },
    )
    const at = ['--control', server.url]
    const shown = await forebay(['freeze', ...at])
    assert.match(shown.out, /fronting-a +local +2026-01-01T00:00:00Z +upgrade\n/)
    assert.equal((await forebay(['freeze', 'fronting-a', ...at])).code, 2)
    assert.equal((await forebay(['freeze', '--off', ...at])).code, 2)
    await forebay(['freeze', 'fronting-a', '--reason', 'upgrade', ...at])
    await forebay(['freeze', '--off', '--reason', 'over', ...at])
    const changes = server.seen.filter(({ method }) => method !== 'GET')
    assert.deepEqual(
      changes.map(({ method, url, body }) => [method, url, body]),
      [
        ['PUT', '/v1/freeze', '{"reason":"upgrade","cluster":"fronting-a"}'],
        ['DELETE', '/v1/freeze?reason=over', ''],
      ],
    )
  })

  test('proxy list shows who works by which placement; other words after proxy are the process', async (t) => {
    const proxy = { id: 'p1', state: 'live', since: '2026-01-01T00:00:00Z', reportAgeMs: 412 }
    const items = [{ ...proxy, placement: { version: 7, settledVersion: 6 } }]
    const server = await fakeControl(t, () => ({ status: 200, body: { items } }))
    const { code, out } = await forebay(['proxy', 'list', '--control', server.url])
    assert.equal(code, 0)
    assert.match(out, /p1 +live +400ms ago +7 +6 +2026/)
    assert.equal((await forebay(['proxy', 'list', '--help'])).code, 0)
    assert.equal((await forebay(['--json', 'proxy', '--port', '1'])).code, 2)
  })

  test('every command of it has help with an example', async () => {
    const commands = ['failover plan', 'failover start', 'failover show', 'failover list', 'failback start']
    for (const command of [
      ...commands,
      'freeze',
      'operation list',
      'operation show',
      'operation cancel',
      'proxy list',
    ]) {
      const { code, out } = await forebay([...command.split(' '), '--help'])
      assert.equal(code, 0, command)
      assert.match(out, /Examples:\n {2}/, command)
    }
  })
})
