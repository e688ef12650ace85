import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import type { ControlStore } from '../../../src/control/store/control-store.ts'
import { migrations } from '../../../src/control/store/migrations.ts'
import { openStore } from '../../../src/control/store/open-store.ts'
import { lead, namespace, storeError, testStoreContract } from '../../support/store-contract.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('the SQLite store', () => {
  testStoreContract(async (t) => begin(t))

  it('is for one process at a time', async (t) => {
    const { open } = begin(t)
    await open()
    await assert.rejects(open, storeError('store-locked'))
    await assert.rejects(
      open,
      /another control plane has .* open. One file is for one replica: use PostgreSQL/,
    )
  })

  it('refuses a corrupt, cut, empty or foreign file, and leaves it where it is (F19)', async (t) => {
    const { file, open } = begin(t)
    const store = await open()
    await store.commit(
      Array.from({ length: 200 }, (_, index) => namespace(`n${index}`)),
      await lead(store),
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
      await assert.rejects(open, storeError('store-corrupt'), what)
      assert.equal(readFileSync(file).length, bytes.length, what)
    }
  })

  it('does not begin anew beside the log of a store that is gone', async (t) => {
    const { file, open } = begin(t)
    await (await open()).close()
    writeFileSync(`${file}-wal`, 'committed pages')
    rmSync(file)
    await assert.rejects(open, /store-corrupt: .* is missing, but .*-wal is there/)
    assert.equal(existsSync(file), false)
  })

  it('refuses the store of a newer program', async (t) => {
    const { file, open } = begin(t)
    await (await open()).close()
    const bytes = readFileSync(file)
    bytes.writeUInt32BE(99, 60)
    writeFileSync(file, bytes)
    await assert.rejects(open, /store-newer: the store has schema 99/)
    truncateSync(file, bytes.length)
  })

  it('takes over a store of the first schema, and goes on above its term', async (t) => {
    const { file, open } = begin(t)
    await (await open()).close()
    rmSync(file)
    const old = new DatabaseSync(file)
    old.exec(`${migrations[0]}; PRAGMA user_version = 1; PRAGMA application_id = ${0x46424350}`)
    old.exec(`INSERT INTO meta VALUES (1, 'the-same', 7, 12, 3)`)
    old.close()
    const store = await open()
    assert.equal(store.storeId, 'the-same')
    const { version, leadership } = await store.position()
    assert.deepEqual([version, leadership.term], [12, 7])
    const { term } = await lead(store)
    assert.ok(term > 7, String(term))
  })
})

function begin(t: TestContext): { file: string; open: () => Promise<ControlStore> } {
  const file = join(temporaryFolder(t), 'made', 'control.sqlite')
  const opened: ControlStore[] = []
  t.after(async () => {
    for (const store of opened) await store.close()
  })
  const open = async () => {
    const store = await openStore(file, { wallMs: () => 1_700_000_000_000, onTrouble: () => undefined })
    opened.push(store)
    return store
  }
  return { file, open }
}
