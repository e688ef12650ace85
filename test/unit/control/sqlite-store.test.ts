import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Change, StoreError } from '../../../src/control/store/control-store.ts'
import { SqliteStore } from '../../../src/control/store/sqlite-store.ts'

const namespace = (name: string, owner = 'team'): Change => ({
  action: 'put',
  kind: 'Namespace',
  spec: { name, owner },
})
const by = { actor: 'local', reason: 'a test' }

describe('the SQLite store', () => {
  let folder = ''
  let file = ''
  const opened: SqliteStore[] = []
  const open = () => {
    const store = SqliteStore.open(file, () => 1_700_000_000_000)
    opened.push(store)
    return store
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'forebay-store-'))
    file = join(folder, 'made', 'control.sqlite')
  })
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('keeps its identity and what was committed, with a version and revisions that only grow', async () => {
    const first = open()
    assert.equal(await first.commit([namespace('a'), namespace('b')], by), 1)
    assert.equal(await first.commit([namespace('a', 'other')], by), 2)
    await first.close()
    const second = open()
    assert.equal(second.storeId, first.storeId)
    assert.equal((await second.placement()).version, 2)
    assert.equal((await second.get('Namespace', 'a'))?.spec.owner, 'other')
    assert.equal((await second.get('Namespace', 'a'))?.revision, 3)
    await second.commit([{ action: 'delete', kind: 'Namespace', name: 'a' }], by)
    await second.commit([namespace('a')], by)
    assert.equal((await second.get('Namespace', 'a'))?.revision, 4, 'a revision never comes again')
  })

  it('writes down who changed what, and why', async () => {
    const store = open()
    await store.commit([namespace('a')], by)
    await store.commit([namespace('a', 'other')], { actor: 'local' })
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

  it('changes nothing when a part of a commit fails', async () => {
    const store = open()
    const bad = { action: 'put', kind: 'Namespace', spec: { name: null } } as unknown as Change
    await assert.rejects(store.commit([namespace('a'), bad], by))
    assert.equal(await store.get('Namespace', 'a'), undefined)
    assert.equal((await store.placement()).version, 0)
    assert.equal(await store.commit([namespace('a')], by), 1)
  })

  it('gives pages by name', async () => {
    const store = open()
    await store.commit(
      ['c', 'a', 'b'].map((name) => namespace(name)),
      by,
    )
    const names = async (limit: number, after?: string) =>
      (await store.list('Namespace', limit, after)).map(({ spec }) => spec.name)
    assert.deepEqual(await names(2), ['a', 'b'])
    assert.deepEqual(await names(2, 'b'), ['c'])
  })

  it('is for one process at a time', () => {
    open()
    assert.throws(
      open,
      (error: unknown) => error instanceof StoreError && /^store-locked: /.test(error.message),
    )
  })

  it('refuses a corrupt, cut, empty or foreign file, and leaves it where it is (F19)', async () => {
    const store = open()
    await store.commit(
      Array.from({ length: 200 }, (_, index) => namespace(`n${index}`)),
      by,
    )
    await store.close()
    const good = readFileSync(file)
    const noise = Buffer.from(good)
    noise.fill(0x5a, 4096, 12_288)
    const bad: readonly (readonly [string, Buffer])[] = [
      ['pages of noise', noise],
      ['noise in the last page only', Buffer.concat([good.subarray(0, -4096), noise.subarray(4096, 8192)])],
      ['cut in the middle', good.subarray(0, 9000)],
      ['empty', Buffer.alloc(0)],
      ['text', Buffer.from('this is not a database, whatever its name says'.repeat(100))],
    ]
    for (const [what, bytes] of bad) {
      writeFileSync(file, bytes)
      assert.throws(
        open,
        (error: unknown) => error instanceof StoreError && /^store-corrupt: /.test(error.message),
        what,
      )
      assert.equal(readFileSync(file).length, bytes.length, what)
    }
  })

  it('does not begin anew beside the log of a store that is gone', async () => {
    await open().close()
    writeFileSync(`${file}-wal`, 'committed pages')
    rmSync(file)
    assert.throws(open, /store-corrupt: .* is missing, but .*-wal is there/)
    assert.equal(existsSync(file), false)
  })

  it('refuses the store of a newer program', async () => {
    await open().close()
    const bytes = readFileSync(file)
    bytes.writeUInt32BE(99, 60)
    writeFileSync(file, bytes)
    assert.throws(open, /store-newer: the store has schema 99/)
    truncateSync(file, bytes.length)
  })
})
