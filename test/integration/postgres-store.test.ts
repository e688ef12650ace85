import { describe, type TestContext } from 'node:test'
import type { ControlStore } from '../../src/control/store/control-store.ts'
import { openStore } from '../../src/control/store/open-store.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { PostgresServer, postgresBinaries } from '../support/postgres.ts'
import { type StoreUnderTest, testStoreContract } from '../support/store-contract.ts'

const cleanup = fileCleanup()
const found = postgresBinaries()

describe('the store in PostgreSQL', { skip: 'missing' in found ? found.missing : false }, () => {
  let server: Promise<PostgresServer> | undefined
  let databases = 0

  async function begin(t: TestContext): Promise<StoreUnderTest> {
    if ('missing' in found) throw new Error(found.missing)
    server ??= PostgresServer.start(cleanup, found.folder)
    databases += 1
    const url = await (await server).url(`test${databases}`)
    const opened: ControlStore[] = []
    t.after(async () => {
      for (const store of opened) await store.close()
    })
    return {
      open: async () => {
        const store = await openStore(url, { wallMs: () => 1_700_000_000_000, onTrouble: () => undefined })
        opened.push(store)
        return store
      },
    }
  }

  testStoreContract(begin)
})
