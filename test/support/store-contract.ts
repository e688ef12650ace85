import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import type { Authority, Change, ControlStore } from '../../src/control/store/control-store.ts'
import { StoreError, type StoreWord } from '../../src/control/store/store-error.ts'

/** Opens the store that the test already opened, or a new one; what it opens is closed by the test's end. */
export interface StoreUnderTest {
  open(): Promise<ControlStore>
}

export function namespace(name: string, owner = 'team'): Change {
  return { action: 'put', kind: 'Namespace', spec: { name, owner } }
}

/** Takes the lease of a store where nobody has it. */
export async function lead(store: ControlStore, lengthMs = 60_000, holder = 'one'): Promise<Authority> {
  const term = await store.acquireLease({ holder, address: `http://${holder}` }, lengthMs)
  assert.ok(term !== undefined, 'the lease was taken')
  return { actor: 'local', reason: 'a test', term }
}

/** For `assert.rejects`. */
export function storeError(word: StoreWord): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.word === word
}

/** What every store promises, as tests of the suite that calls it. */
export function testStoreContract(begin: (t: TestContext) => Promise<StoreUnderTest>): void {
  it('keeps its identity and what was committed, with a version and revisions that only grow', async (t) => {
    const { open } = await begin(t)
    const first = await open()
    const by = await lead(first)
    assert.equal(await first.commit([namespace('a'), namespace('b')], by), 1)
    assert.equal(await first.commit([namespace('a', 'other')], by), 2)
    await first.releaseLease(by.term)
    await first.close()
    const second = await open()
    assert.equal(second.storeId, first.storeId)
    assert.equal((await second.placement()).version, 2)
    assert.equal((await second.get('Namespace', 'a'))?.spec.owner, 'other')
    assert.equal((await second.get('Namespace', 'a'))?.revision, 3)
    const again = await lead(second)
    await second.commit([{ action: 'delete', kind: 'Namespace', name: 'a' }], again)
    await second.commit([namespace('a')], again)
    assert.equal((await second.get('Namespace', 'a'))?.revision, 4, 'a revision never comes again')
  })

  it('raises the term with each leader, and the placement document carries it', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const first = await lead(store)
    assert.equal((await store.placement()).leaseTerm, first.term)
    await store.releaseLease(first.term)
    const second = await lead(store)
    assert.ok(second.term > first.term, `${second.term} after ${first.term}`)
    assert.equal((await store.placement()).leaseTerm, second.term)
    const { leadership } = await store.position()
    assert.deepEqual([leadership.holder, leadership.address], ['one', 'http://one'])
  })

  it('refuses every write of a term that is over', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const old = await lead(store)
    await store.commit([namespace('a')], old)
    await store.releaseLease(old.term)
    const now = await lead(store)
    await assert.rejects(store.commit([namespace('b')], old), storeError('not-leading'))
    const deletion = { cluster: 'c', topic: 't', topicId: 'i' }
    await store.commit([{ action: 'deleteLater', deletion }], now)
    await assert.rejects(store.deleted(deletion, old), storeError('not-leading'))
    assert.equal(await store.renewLease(old.term, 60_000), false)
    await store.releaseLease(old.term)
    assert.equal(await store.renewLease(now.term, 60_000), true, 'only its own lease is released')
    assert.equal(await store.get('Namespace', 'b'), undefined)
    assert.deepEqual(await store.pendingDeletions(), [deletion])
    await store.deleted(deletion, now)
    assert.deepEqual(await store.pendingDeletions(), [])
  })

  it('writes down who changed what, and why', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const by = await lead(store)
    await store.commit([namespace('a')], by)
    await store.commit([namespace('a', 'other')], { actor: 'local', term: by.term })
    await store.commit([{ action: 'delete', kind: 'Namespace', name: 'a' }], by)
    const rows = (await store.auditRows(10)).map(
      ({ action, name, reason, before, after, version, actor }) => ({
        ...{ action, name, reason, version, actor },
        owners: [before, after].map((spec) => (spec === null ? null : JSON.parse(spec).owner)),
      }),
    )
    assert.deepEqual(rows, [
      { action: 'delete', name: 'a', reason: 'a test', version: 3, actor: 'local', owners: ['other', null] },
      { action: 'update', name: 'a', reason: null, version: 2, actor: 'local', owners: ['team', 'other'] },
      { action: 'create', name: 'a', reason: 'a test', version: 1, actor: 'local', owners: [null, 'team'] },
    ])
  })

  it('changes nothing when a part of a commit fails', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const by = await lead(store)
    const bad = { action: 'put', kind: 'Namespace', spec: { name: null } } as unknown as Change
    await assert.rejects(store.commit([namespace('a'), bad], by))
    assert.equal(await store.get('Namespace', 'a'), undefined)
    assert.equal((await store.placement()).version, 0)
    assert.equal(await store.commit([namespace('a')], by), 1)
    assert.deepEqual((await store.events(0, 10)).length, 1)
  })

  it('places topics, the last word counting, and orders names by their bytes', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const by = await lead(store)
    const names = ['n.b', 'n.B', 'n.a', 'n_a', 'n.ä', 'n-a']
    const place = (topic: string, cluster: string): Change => ({
      action: 'place',
      placement: { topic, cluster, holders: [cluster] },
    })
    await store.commit([...names.map((name) => place(name, 'x')), place('n.a', 'y')], by)
    const { placements, position } = await store.snapshot()
    assert.equal(position.version, 1)
    assert.deepEqual(
      placements.map(({ topic }) => topic),
      [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    )
    const moved = {
      topic: 'n.a',
      cluster: 'z',
      holders: ['y', 'z'],
      degraded: 'replicas 1',
      drainFirst: true,
      movedByHand: true,
    }
    await store.commit([{ action: 'place', placement: moved }], by)
    assert.deepEqual(
      (await store.snapshot()).placements.find(({ topic }) => topic === 'n.a'),
      moved,
    )
    assert.deepEqual(
      placements.find(({ topic }) => topic === 'n.a'),
      { topic: 'n.a', cluster: 'y', holders: ['y'] },
    )
  })

  it('records what Kafka holds of a resource without a row in the audit log', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const by = await lead(store)
    await store.commit([namespace('a')], by)
    const provisioned = [{ cluster: 'c', topicId: 'i', partitions: 1, replicas: 1, minInSync: 1 }]
    const change = { action: 'provisioned', kind: 'Namespace', provisioned } as const
    await store.commit(
      [
        { ...change, name: 'a' },
        { ...change, name: 'gone' },
      ],
      by,
    )
    const found = await store.get('Namespace', 'a')
    assert.deepEqual([found?.provisioned, (found?.revision ?? 0) > 1], [provisioned, true])
    assert.equal((await store.auditRows(10)).length, 1)
    assert.equal(await store.get('Namespace', 'gone'), undefined)
  })

  it('keeps operations, their steps and what was decided, without a new placement version', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const by = await lead(store)
    const operation = { id: 'o1', kind: 'failover', subject: 'fronting-a', state: 'running', ended: false }
    await store.commit(
      [
        { action: 'operation', operation: { ...operation, step: 'plan', document: { topics: ['a'] } } },
        { action: 'step', step: { operation: 'o1', key: 'scale-up', state: 'trying', result: null } },
        { action: 'step', step: { operation: 'o1', key: 'topics', state: 'trying', result: null } },
        { action: 'move', move: { cluster: 'fronting-a', operation: 'o1', automatic: true, atMs: 1000 } },
        { action: 'freeze', freeze: { scope: '*' } },
        { action: 'event', event: { kind: 'failover.step', subject: 'fronting-a', data: { step: 'plan' } } },
      ],
      by,
    )
    await store.commit(
      [
        { action: 'operation', operation: { ...operation, step: 'leaders', document: { topics: ['b'] } } },
        { action: 'step', step: { operation: 'o1', key: 'scale-up', state: 'done', result: { ms: 5 } } },
      ],
      { actor: 'other', term: by.term },
    )
    const found = await store.operation('o1')
    const { actor, reason, term, step, document } = found ?? {}
    assert.deepEqual(
      [actor, reason, term, step, document],
      ['local', 'a test', by.term, 'leaders', { topics: ['b'] }],
    )
    assert.deepEqual(
      (await store.steps('o1')).map(({ key, state, result, writes }) => [key, state, result, writes]),
      [
        ['scale-up', 'done', { ms: 5 }, 2],
        ['topics', 'trying', null, 1],
      ],
    )
    assert.equal((await store.moves(0)).length, 1)
    assert.equal((await store.moves(1001)).length, 0)
    assert.deepEqual(
      (await store.freezes()).map(({ scope, reason }) => [scope, reason]),
      [['*', 'a test']],
    )
    assert.equal((await store.position()).version, 0)
    assert.equal((await store.operations({ open: true, subject: 'fronting-a' })).length, 1)
    await store.commit(
      [
        {
          action: 'operation',
          operation: { ...operation, state: 'done', step: 'done', ended: true, document: {} },
        },
        { action: 'unfreeze', scope: '*' },
        {
          action: 'audit',
          entry: { action: 'start', kind: 'Failover', name: 'fronting-a', after: { n: 1 } },
        },
      ],
      by,
    )
    const [row] = await store.auditRows(1)
    assert.deepEqual(
      [row?.action, row?.kind, row?.name, row?.reason, row?.after],
      ['start', 'Failover', 'fronting-a', 'a test', '{"n":1}'],
    )
    const second = { ...operation, id: 'o2', step: '', document: {} }
    await store.commit([{ action: 'operation', operation: second }], by)
    const idsAfter = async (after: string) => (await store.operations({ after })).map(({ id }) => id)
    assert.deepEqual([await idsAfter('o2'), await idsAfter('o1'), await idsAfter('o3')], [['o1'], [], []])
    await store.commit([{ action: 'operation', operation: { ...second, ended: true } }], by)
    assert.deepEqual(await store.operations({ open: true }), [])
    assert.equal((await store.operations({ kind: 'failover' })).length, 2)
    assert.deepEqual(await store.freezes(), [])
  })

  it('remembers followers, and what happened in order', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const by = await lead(store)
    const follower = {
      role: 'proxy',
      leaseUntilMs: 5,
      acknowledgedTerm: 1,
      acknowledgedVersion: 2,
      report: { a: 1 },
    }
    await store.commit(
      ['p2', 'p1', 'p2'].map((id): Change => ({ action: 'follower', follower: { ...follower, id } })),
      by,
    )
    await store.commit(
      [{ action: 'follower', follower: { ...follower, id: 'p1', acknowledgedVersion: 3 } }],
      by,
    )
    await store.commit([{ action: 'forgetFollower', role: 'proxy', id: 'p2' }], by)
    assert.deepEqual(await store.followers(), [{ ...follower, id: 'p1', acknowledgedVersion: 3 }])
    for (let index = 0; index < 5; index += 1)
      await store.commit([{ action: 'event', event: { kind: 'k', subject: String(index), data: {} } }], by)
    const all = await store.events(0, 100)
    assert.deepEqual(
      all.map(({ subject }) => subject),
      ['0', '1', '2', '3', '4'],
    )
    assert.equal((await store.position()).lastEvent, all.at(-1)?.id)
    assert.deepEqual(
      (await store.events(all[2]?.id ?? 0, 1)).map(({ subject }) => subject),
      ['3'],
    )
  })
}
