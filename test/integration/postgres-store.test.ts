import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import type { ControlStore } from '../../src/control/store/control-store.ts'
import { openStore } from '../../src/control/store/open-store.ts'
import { openPostgres } from '../../src/control/store/postgres-open.ts'
import { SqlLease } from '../../src/control/store/sql-lease.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { PostgresServer, postgresBinaries } from '../support/postgres.ts'
import { lead, namespace, storeError, testStoreContract } from '../support/store-contract.ts'
import { waitFor } from '../support/wait-for.ts'

const cleanup = fileCleanup()
const found = postgresBinaries()
let shared: Promise<PostgresServer> | undefined

async function begin(t: TestContext) {
  if ('missing' in found) throw new Error(found.missing)
  shared ??= PostgresServer.start(cleanup, found.folder)
  const server = await shared
  const database = `test-${randomUUID()}`
  const url = await server.url(database)
  const opened: ControlStore[] = []
  t.after(async () => {
    for (const store of opened) await store.close()
  })
  const open = async () => {
    const store = await openStore(url, { wallMs: () => 1_700_000_000_000, onTrouble: () => undefined })
    opened.push(store)
    return store
  }
  return { open, url, query: (statement: string) => server.query(database, statement) }
}

describe('the store in PostgreSQL', { skip: 'missing' in found ? found.missing : false }, () => {
  testStoreContract(begin)

  it('is made once when two replicas start at the same moment', async (t) => {
    const { open } = await begin(t)
    const stores = await Promise.all([open(), open(), open()])
    assert.equal(new Set(stores.map(({ storeId }) => storeId)).size, 1)
  })

  it('gives the lease to one at a time, and refuses who had it before', async (t) => {
    const { open } = await begin(t)
    const [first, second] = [await open(), await open()]
    const old = await lead(first, 700)
    await first.commit([namespace('a')], old)
    const rival = { holder: 'two', address: 'http://two' }
    assert.equal(await second.acquireLease(rival, 60_000), undefined, 'it has not run out yet')
    const term = await waitFor(() => second.acquireLease(rival, 60_000), { describe: 'the lease' })
    assert.ok(term > old.term)
    await assert.rejects(first.commit([namespace('b')], old), storeError('not-leading'))
    assert.equal(await first.renewLease(old.term, 60_000), false)
    await second.commit([namespace('c')], { ...old, term })
    assert.deepEqual([...(await first.load()).Namespace.keys()], ['a', 'c'])
    assert.equal((await first.placement()).leaseTerm, term)
  })

  it('refuses a write of a lease that has run out, though nobody else has taken it', async (t) => {
    const { open } = await begin(t)
    const store = await open()
    const by = await lead(store, 300)
    await waitFor(async () => (await store.position()).leadership.remainingMs <= 0, { describe: 'its end' })
    await assert.rejects(store.commit([namespace('a')], by), storeError('not-leading'))
    assert.equal(await store.renewLease(by.term, 60_000), false)
  })

  it('takes the lease from a leader that fell silent in the middle of a write, and undoes that write', async (t) => {
    const { open, url } = await begin(t)
    const silent = await openPostgres({ url, onIdleError: () => undefined })
    t.after(() => silent.close())
    const store = await open()
    const old = await lead(store, 1500)
    const lease = new SqlLease(silent, store.storeId)
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>()
    const writing = silent.write(async (sql) => {
      await lease.hold(sql, old.term)
      await woken
      await sql.all(`INSERT INTO events (at, term, kind, subject, data) VALUES ('', 1, 'late', '', '{}')`)
    })
    const rival = { holder: 'two', address: 'http://two' }
    // The write holds the lease beyond its end, until the server ends the write.
    const term = await waitFor(() => store.acquireLease(rival, 60_000), {
      describe: 'the lease of the silent leader',
    })
    assert.ok(term > old.term)
    wake()
    await assert.rejects(writing, storeError('store-unavailable'))
    assert.deepEqual(await store.events(0, 10), [])
  })

  it('does not take a database that was emptied or exchanged for an empty store (F19)', async (t) => {
    const { open, query } = await begin(t)
    const store = await open()
    const by = await lead(store)
    await store.commit([namespace('a')], by)
    await query('DROP SCHEMA forebay CASCADE')
    await assert.rejects(store.load(), storeError('store-corrupt'))
    await assert.rejects(store.position(), storeError('store-corrupt'))
    await assert.rejects(store.commit([namespace('b')], by), storeError('store-corrupt'))
    const another = await open()
    assert.notEqual(another.storeId, store.storeId)
    await assert.rejects(store.position(), /the database holds another store now/)
    const rival = { holder: 'x', address: '' }
    await assert.rejects(store.acquireLease(rival, 1000), storeError('store-corrupt'))
  })

  it('refuses a store without its identity, of a newer program, and a schema that is not ours', async (t) => {
    const { open, query } = await begin(t)
    const store = await open()
    await store.close()
    const [before] = await query('SELECT version FROM forebay.schema_version')
    await query('UPDATE forebay.schema_version SET version = 99')
    await assert.rejects(open, storeError('store-newer'))
    await query(`UPDATE forebay.schema_version SET version = ${before?.version}; DELETE FROM forebay.meta`)
    await assert.rejects(open, storeError('store-corrupt'))
    await query('DROP SCHEMA forebay CASCADE; CREATE SCHEMA forebay; CREATE TABLE forebay.theirs ()')
    await assert.rejects(open, storeError('store-corrupt'))
    assert.equal((await query('SELECT * FROM forebay.theirs')).length, 0, 'theirs is still there')
  })

  it('says that the server is away, and goes on with what was committed when it is back (F19)', async (t) => {
    const { open } = await begin(t)
    const server = (await shared) as PostgresServer
    const store = await open()
    const by = await lead(store)
    await store.commit([namespace('a')], by)
    await server.stop('SIGQUIT')
    await assert.rejects(store.load(), storeError('store-unavailable'))
    await assert.rejects(store.commit([namespace('b')], by), storeError('store-unavailable'))
    await assert.rejects(open, storeError('store-unavailable'))
    await server.start()
    await waitFor(() => store.position(), { describe: 'the store' })
    assert.deepEqual([...(await store.load()).Namespace.keys()], ['a'])
    assert.equal(await store.commit([namespace('b')], by), 2)
  })
})
