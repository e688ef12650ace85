import assert from 'node:assert/strict'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { PlacementDocument } from '../../src/core/placement.ts'
import { freePort } from '../support/free-port.ts'
import { runForebay, startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { applyTo, call } from './control-support.ts'

const cluster = { kind: 'Cluster', name: 'fronting-a', role: 'fronting', bootstrap: ['127.0.0.1:1'] }
const namespaceOf = (index: number) => ({ kind: 'Namespace', name: `n${index}`, owner: 'team' })

describe('the process of the control plane', () => {
  it('comes back after kill -9 with exactly what it had answered', async (t) => {
    const store = join(temporaryFolder(t), 'control.sqlite')
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const args = ['--port', String(port), '--store', store]
    const first = startProcess(t, 'control', args)
    await first.waitForReady(url)
    let answered = 0
    const writing = (async () => {
      for (let index = 0; ; index += 1) {
        const { version } = await applyTo(url, [namespaceOf(index)])
        answered = version
        if (answered === 25) first.kill('SIGKILL')
      }
    })()
    await assert.rejects(writing)
    await first.exited
    const second = startProcess(t, 'control', args)
    await second.waitForReady(url)
    const { body } = await call<PlacementDocument>(url, 'GET', '/v1/placements')
    const { items } = (await call<{ items: { name: string }[] }>(url, 'GET', '/v1/namespaces')).body
    // One more may have been committed whose answer was cut off.
    assert.ok([answered, answered + 1].includes(body.version), `${body.version}, and ${answered} answered`)
    assert.equal(items.length, body.version)
    assert.equal((await second.stop()).code, 0)
  })

  it('refuses a store that is corrupt, cut or empty: exit 1 and the word for it (F19)', async (t) => {
    const store = join(temporaryFolder(t), 'control.sqlite')
    const args = ['--port', '0', '--store', store]
    writeFileSync(store, '')
    const empty = await runForebay(t, ['control', ...args])
    assert.equal(empty.code, 1, empty.stderr)
    assert.match(empty.stderr, /^store-corrupt: /)
    truncateSync(store, 5000)
    const zeros = await runForebay(t, ['control', ...args])
    assert.equal(zeros.code, 1)
    assert.match(zeros.stderr, /^store-corrupt: /)
    assert.equal(readFileSync(store).length, 5000)
  })

  it('listens beyond loopback only with a token, and then asks everybody for it', async (t) => {
    const store = join(temporaryFolder(t), 'control.sqlite')
    const refused = await runForebay(t, ['control', '--host', '0.0.0.0', '--store', store])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /loopback only, unless --token/)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const open = startProcess(t, 'control', ['--host', '0.0.0.0', '--port', String(port), '--store', store], {
      env: { FOREBAY_TOKEN: 'a secret' },
    })
    await open.waitForReady(url)
    assert.equal((await call(url, 'GET', '/v1/topics')).status, 401)
    assert.equal((await call(url, 'GET', '/metrics').catch(() => ({ status: 401 }))).status, 401)
    const wrong = { authorization: 'Bearer a secret and more' }
    assert.equal((await call(url, 'GET', '/v1/topics', undefined, wrong)).status, 401)
    const right = { authorization: 'Bearer a secret' }
    assert.equal((await call(url, 'GET', '/v1/topics', undefined, right)).status, 200)
    assert.ok(!open.output.includes('a secret'), 'the token is in the log')
  })

  it('refuses an unknown option with a suggestion, and explains itself', async (t) => {
    const wrong = await runForebay(t, ['control', '--stroe', 'x'])
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /did you mean "--store"/)
    const help = await runForebay(t, ['control', '--help'])
    assert.equal(help.code, 0)
    assert.match(help.stdout, /--store .*SQLite/)
  })

  it('lets its followers go when it drains, and exits with 0', async (t) => {
    const store = join(temporaryFolder(t), 'control.sqlite')
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const control = startProcess(t, 'control', ['--port', String(port), '--store', store])
    await control.waitForReady(url)
    const { version } = await applyTo(url, [cluster])
    const held = Array.from({ length: 20 }, () => call(url, 'GET', `/v1/placements?after=${version}&wait=60`))
    // They are all waiting once a request that came later was answered.
    await call(url, 'GET', '/livez')
    const exit = await control.stop()
    assert.equal(exit.code, 0, control.output)
    for (const answer of await Promise.all(held)) assert.equal(answer.status, 304)
  })

  it('refuses requests to another name than loopback, and from pages of another origin', async (t) => {
    const store = join(temporaryFolder(t), 'control.sqlite')
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const control = startProcess(t, 'control', ['--port', String(port), '--store', store])
    await control.waitForReady(url)
    const origin = (value: string) => call(url, 'GET', '/v1/topics', undefined, { origin: value })
    assert.equal((await origin('http://evil.example')).status, 403)
    assert.equal((await origin(url)).status, 200)
    const document = await call<{ openapi: string; paths: object }>(url, 'GET', '/openapi.json')
    assert.equal(document.body.openapi, '3.1.0')
    for (const path of [
      '/v1/topics',
      '/v1/topics/{name}',
      '/v1/routes/{name}/pause',
      '/v1/apply',
      '/v1/placements',
    ])
      assert.ok(Object.hasOwn(document.body.paths, path), path)
  })
})
