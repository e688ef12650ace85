import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import type { ProxyView } from '../../src/control/followers/known-proxy.ts'
import { freePort } from '../support/free-port.ts'
import { PostgresServer, postgresBinaries } from '../support/postgres.ts'
import { startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { applyTo, call } from './control-support.ts'

const found = postgresBinaries()

async function startReplica(t: TestContext, store: string) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const process = startProcess(t, 'control', ['--port', String(port), '--store', store])
  await process.waitForReady(url)
  return { url, process }
}

const proxiesAt = async (url: string) =>
  (await call<{ items: ProxyView[] }>(url, 'GET', '/v1/proxies')).body.items

/** `<id> <state> <version>` of each. */
const linesAt = async (url: string) =>
  (await proxiesAt(url)).map(({ id, state, placement }) => `${id} ${state} ${placement?.version}`)

async function untilLines(url: string, wanted: readonly string[]): Promise<void> {
  await waitFor(
    async () => {
      assert.deepEqual(await linesAt(url), wanted)
      return true
    },
    { describe: `${wanted.join()} at ${url}` },
  )
}

describe('proxies and several replicas of the control plane', {
  skip: 'missing' in found ? found.missing : false,
}, () => {
  it('a standby passes reports on and names the leader; when the leader is killed the other one hears them all', async (t) => {
    if ('missing' in found) throw new Error(found.missing)
    const server = await PostgresServer.start(t, found.folder)
    const store = await server.url(`test-${randomUUID()}`)
    const first = await startReplica(t, store)
    const second = await startReplica(t, store)
    const { version } = await applyTo(first.url, [{ kind: 'Namespace', name: 'a', owner: 'team' }])

    const report = { instance: 'i', sequence: 1, windowMs: 1000, clusters: [] }
    const passedOn = await call(second.url, 'POST', '/v1/proxies/by-hand/report', report)
    assert.equal(passedOn.status, 200, JSON.stringify(passedOn.body))
    assert.equal(passedOn.headers.get('forebay-leader'), first.url)
    assert.deepEqual(await linesAt(first.url), ['by-hand live undefined'])

    const control = `${second.url},${first.url}`
    const own = ['--port', String(await freePort()), '--data-dir', temporaryFolder(t), '--id', 'proxy']
    const proxy = startProcess(t, 'proxy', [...own, '--control', control, '--drain-grace', '0s'])
    await untilLines(first.url, ['by-hand live undefined', `proxy live ${version}`])
    await untilLines(second.url, ['by-hand live undefined', `proxy live ${version}`])

    first.process.kill('SIGKILL')
    await waitFor(
      async () =>
        (await proxiesAt(second.url).catch(() => [])).some(
          ({ id, state, reportAgeMs }) => id === 'by-hand' && state === 'unheard' && reportAgeMs > 0,
        ),
      { describe: 'the second leads, and remembers whom the first knew', state: () => second.process.output },
    )
    const next = await applyTo(second.url, [{ kind: 'Namespace', name: 'b', owner: 'team' }])
    await waitFor(
      async () => (await linesAt(second.url)).includes(`proxy live ${next.version}`),
      { describe: 'the proxy works by the placement of the second', state: () => proxy.output },
    )
    assert.equal((await proxy.stop()).code, 0, proxy.output)
  })
})
