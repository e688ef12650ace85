import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pino } from 'pino'
import { startControl } from '../../src/control/control-process.ts'
import type { StoredEvent } from '../../src/control/store/records.ts'
import { systemClock } from '../../src/core/clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { applyTo, call } from './control-support.ts'

interface Page {
  readonly items: readonly StoredEvent[]
  readonly next: string
}

async function start(t: TestContext) {
  const store = join(temporaryFolder(t), 'control.sqlite')
  const settings = { host: '127.0.0.1', port: 0, store, token: '', advertise: '', leaseMs: 3000 }
  const control = await startControl(settings, { logger: pino({ level: 'silent' }), clock: systemClock })
  let draining: Promise<void> | undefined
  const drain = () => {
    draining ??= control.drain()
    return draining
  }
  t.after(drain)
  return { url: control.url, drain }
}

const namespaceOf = (name: string) => ({ kind: 'Namespace', name, owner: 'team' })
const kinds = (items: readonly StoredEvent[]) => items.map(({ kind, subject }) => `${kind} ${subject}`)

/** The text of a stream so far. */
function follow(t: TestContext, address: string, headers: Record<string, string> = {}) {
  const gone = new AbortController()
  t.after(() => gone.abort())
  const seen = { text: '', ended: false }
  const reading = (async () => {
    const answer = await fetch(address, {
      headers: { accept: 'text/event-stream', ...headers },
      signal: gone.signal,
    })
    assert.equal(answer.headers.get('content-type'), 'text/event-stream')
    for await (const chunk of answer.body ?? []) seen.text += Buffer.from(chunk).toString('utf8')
    seen.ended = true
  })()
  reading.catch((error: unknown) => {
    if (!gone.signal.aborted) seen.text += String(error)
  })
  return seen
}

describe('GET /v1/events', () => {
  it('gives what changed in order, by pages', async (t) => {
    const { url } = await start(t)
    await applyTo(url, [namespaceOf('a'), namespaceOf('b')])
    await call(url, 'DELETE', '/v1/namespaces/a', undefined, { 'if-match': '*' })
    const first = await call<Page>(url, 'GET', '/v1/events?limit=2')
    assert.deepEqual(kinds(first.body.items), ['namespace.create a', 'namespace.create b'])
    const second = await call<Page>(url, 'GET', `/v1/events?after=${first.body.next}`)
    assert.deepEqual(kinds(second.body.items), ['namespace.delete a'])
    const { next } = second.body
    assert.deepEqual((await call<Page>(url, 'GET', `/v1/events?after=${next}`)).body, { items: [], next })
    assert.equal((await call(url, 'GET', '/v1/events?after=x')).status, 400)
  })

  it('waits for the next one, and lets its waiters go when it drains', async (t) => {
    const { url, drain } = await start(t)
    const waiting = call<Page>(url, 'GET', '/v1/events?after=0&wait=60')
    await call(url, 'GET', '/livez')
    await applyTo(url, [namespaceOf('a')])
    const { items, next } = (await waiting).body
    assert.deepEqual(kinds(items), ['namespace.create a'])
    const held = call<Page>(url, 'GET', `/v1/events?after=${next}&wait=60`)
    await call(url, 'GET', '/livez')
    await drain()
    assert.deepEqual((await held).body.items, [])
  })

  it('streams: from now on, or from where the client was', async (t) => {
    const { url, drain } = await start(t)
    await applyTo(url, [namespaceOf('before')])
    const live = follow(t, `${url}/v1/events`)
    await waitFor(() => live.text.startsWith('retry: '), { describe: 'the stream', state: () => live })
    await applyTo(url, [namespaceOf('after')])
    await waitFor(() => live.text.includes('"subject":"after"'), { describe: 'the event', state: () => live })
    assert.match(live.text, /id: \d+\nevent: namespace\.create\ndata: \{"id":\d+,.*\}\n\n/)
    assert.ok(!live.text.includes('before'))
    const id = /id: (\d+)/.exec(live.text)?.[1] ?? ''
    const again = follow(t, `${url}/v1/events`, { 'last-event-id': String(Number(id) - 1) })
    await waitFor(() => again.text.includes('"subject":"after"'), {
      describe: 'the same',
      state: () => again,
    })
    await drain()
    await waitFor(() => live.ended && again.ended, {
      describe: 'the end of both',
      state: () => [live, again],
    })
  })
})
