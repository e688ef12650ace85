import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ProxyView } from '../../src/control/followers/known-proxy.ts'
import { freePort } from '../support/free-port.ts'
import { startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { applyTo, call } from './control-support.ts'

const namespaceOf = (name: string) => ({ kind: 'Namespace', name, owner: 'team' })

async function startControl(t: TestContext, store: string, port: number) {
  const url = `http://127.0.0.1:${port}`
  const process = startProcess(t, 'control', ['--port', String(port), '--store', store])
  await process.waitForReady(url)
  return { url, process }
}

async function startProxy(t: TestContext, control: string, args: readonly string[] = []) {
  const port = await freePort()
  const own = ['--port', String(port), '--control', control, '--data-dir', temporaryFolder(t)]
  const process = startProcess(t, 'proxy', [...own, '--drain-grace', '0s', ...args])
  await process.waitForReady(`http://127.0.0.1:${port}`)
  return process
}

const listed = async (url: string, query = '') =>
  (await call<{ items: ProxyView[]; next?: string }>(url, 'GET', `/v1/proxies${query}`)).body

/** The state and version of each proxy, by id. */
async function statesAt(url: string): Promise<Record<string, string>> {
  const { items } = await listed(url)
  return Object.fromEntries(items.map(({ id, state, placement }) => [id, `${state} ${placement?.version}`]))
}

async function untilStates(url: string, wanted: Record<string, string>, timeoutMs = 30_000): Promise<void> {
  await waitFor(
    async () => {
      assert.deepEqual(await statesAt(url), wanted)
      return true
    },
    { describe: `proxies ${JSON.stringify(wanted)}`, timeoutMs },
  )
}

test('the control plane knows who is alive and what they acknowledged, also after it was killed', async (t) => {
  const store = join(temporaryFolder(t), 'control.sqlite')
  const port = await freePort()
  const first = await startControl(t, store, port)
  const { url } = first
  const { version } = await applyTo(url, [namespaceOf('a')])
  const [one, two] = await Promise.all([
    startProxy(t, url, ['--id', 'one']),
    startProxy(t, url, ['--id', 'two']),
  ])
  await untilStates(url, { one: `live ${version}`, two: `live ${version}` })
  await applyTo(url, [namespaceOf('b')])
  await untilStates(url, { one: `live ${version + 1}`, two: `live ${version + 1}` })
  const page = await listed(url, '?limit=1')
  assert.deepEqual([page.items.map(({ id }) => id), page.next], [['one'], 'one'])
  assert.deepEqual(
    (await listed(url, '?limit=1&after=one')).items.map(({ id }) => id),
    ['two'],
  )
  const { placement } = page.items[0] ?? {}
  assert.equal(placement?.settledVersion, version + 1)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  assert.match(metrics, /forebay_proxies\{state="live"\} 2/)

  // One that dies with the leader is remembered by the next one until its lease ends, as it was written a second before.
  const since = (await listed(url)).items.map((proxy) => proxy.since)
  two.kill('SIGKILL')
  await two.exited
  first.process.kill('SIGKILL')
  await first.process.exited
  const second = await startControl(t, store, port)
  const stateOfTwo = async () => (await statesAt(url)).two ?? 'unknown'
  await waitFor(async () => /^unheard \d$/.test(await stateOfTwo()), { describe: 'two is remembered' })
  await waitFor(async () => (await statesAt(url)).one === `live ${version + 1}`, { describe: 'one reports' })
  assert.deepEqual(
    (await listed(url)).items.map((proxy) => proxy.since),
    since,
  )
  await waitFor(async () => /^ended/.test(await stateOfTwo()), { describe: 'the lease of two has ended' })
  assert.equal((await second.process.stop()).code, 0)
  assert.equal((await one.stop()).code, 0)
})

test('a report that makes no sense is refused with the reason, one that comes twice is answered and not taken', async (t) => {
  const store = join(temporaryFolder(t), 'control.sqlite')
  const { url } = await startControl(t, store, await freePort())
  const report = { instance: 'i', sequence: 1, windowMs: 1000, clusters: [] }
  const post = (id: string, body: unknown) => call(url, 'POST', `/v1/proxies/${id}/report`, body)
  const answer = await post('p', report)
  assert.equal(answer.status, 200)
  assert.deepEqual(Object.keys(answer.body), ['leaseMs', 'version'])
  assert.deepEqual((await post('p', report)).body, answer.body)
  const bad = await post('p', { ...report, sequence: -1 })
  assert.equal(bad.status, 422)
  assert.match(String(bad.body.detail), /\/sequence must be >= 0/)
  assert.equal((await post('a%2Fb', report)).status, 400)
  const half = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"instance":' }
  assert.equal((await fetch(`${url}/v1/proxies/p/report`, half)).status, 400)
  assert.equal((await post('x'.repeat(201), report)).status, 400)
  assert.equal((await post('p', { ...report, sequence: 2, more: 'x'.repeat(2 ** 18) })).status, 413)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  assert.match(metrics, /forebay_proxy_reports_total\{result="taken"\} 1\n/)
  assert.match(metrics, /forebay_proxy_reports_total\{result="repeated"\} 1\n/)
  const { items } = (await call<{ items: unknown[] }>(url, 'GET', '/v1/events')).body
  assert.deepEqual(items, [], 'reports are no events')
})
