import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { Connection } from '@platformatic/kafka'
import { certifiedAs, connectByName, NameCache } from '../../../src/kafka/name-cache.ts'

const host = 'broker-1.test'

/** A name server whose answers the test gives one by one. */
function manualLookup() {
  const questions: PromiseWithResolvers<readonly string[]>[] = []
  const lookup = () => {
    const question = Promise.withResolvers<readonly string[]>()
    questions.push(question)
    return question.promise
  }
  const answer = (...addresses: string[]) => questions.at(-1)?.resolve(addresses)
  const fail = () => questions.at(-1)?.reject(new Error('no name server'))
  return { lookup, answer, fail, asked: () => questions.length }
}

function cacheOf(lookup: (host: string) => Promise<readonly string[]>, patienceMs: number): NameCache {
  return new NameCache({ lookup, clock: { monotonicMs: () => 0, wallMs: () => 0 }, patienceMs })
}

/** Never reached: what is awaited comes by an answer. */
const longMs = 60_000

describe('the addresses of a broker', () => {
  test('are not asked for where they are given', async () => {
    const { lookup, asked } = manualLookup()
    assert.deepEqual(await cacheOf(lookup, longMs).addresses('127.0.0.1'), ['127.0.0.1'])
    assert.deepEqual(await cacheOf(lookup, longMs).addresses('::1'), ['::1'])
    assert.equal(asked(), 0)
  })

  test('are asked for anew each time, and once for all who wait', async () => {
    const { lookup, answer, asked } = manualLookup()
    const cache = cacheOf(lookup, longMs)
    const both = Promise.all([cache.addresses(host), cache.addresses(host)])
    answer('10.0.0.1')
    assert.deepEqual(await both, [['10.0.0.1'], ['10.0.0.1']])
    assert.equal(asked(), 1)
    const next = cache.addresses(host)
    answer('10.0.0.2', '10.0.0.3')
    assert.deepEqual(await next, ['10.0.0.2', '10.0.0.3'])
    assert.equal(asked(), 2)
  })

  test('stay what they were while the name server says it does not know', async () => {
    const { lookup, answer, fail } = manualLookup()
    const cache = cacheOf(lookup, longMs)
    const first = cache.addresses(host)
    answer('10.0.0.1')
    await first
    const next = cache.addresses(host)
    fail()
    assert.deepEqual(await next, ['10.0.0.1'])
    const empty = cache.addresses(host)
    answer()
    assert.deepEqual(await empty, ['10.0.0.1'])
  })

  test('stay what they were while the name server is silent, and no second question is asked', async () => {
    const { lookup, answer, asked } = manualLookup()
    const cache = cacheOf(lookup, 0)
    const first = cache.addresses(host)
    answer('10.0.0.1')
    await first
    for (let attempt = 0; attempt < 3; attempt += 1) {
      assert.deepEqual(await cache.addresses(host), ['10.0.0.1'])
    }
    assert.equal(asked(), 2)
    answer('10.0.0.2')
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(await cache.addresses(host), ['10.0.0.2'])
  })

  test('that were never known are an error, and are asked for again', async () => {
    const { lookup, answer, fail } = manualLookup()
    const cache = cacheOf(lookup, 0)
    const first = cache.addresses(host)
    fail()
    await assert.rejects(first, /no name server/)
    const next = cache.addresses(host)
    answer('10.0.0.1')
    assert.deepEqual(await next, ['10.0.0.1'])
  })
})

describe('connecting by name', () => {
  const open = (context: { after(hook: () => void): void }) => {
    const connection = new Connection('names', { connectTimeout: longMs })
    connection.on('error', () => undefined)
    context.after(() => void connection.socket?.destroy())
    return connection
  }

  test('goes on with the next address where one refuses', async (context) => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    context.after(() => void server.close())
    const { port } = server.address() as AddressInfo
    const names = cacheOf(async () => ['127.0.0.2', '127.0.0.1'], longMs)
    const connection = open(context)
    await connectByName(connection, { host, port }, longMs, names)
    assert.equal(connection.socket.remoteAddress, '127.0.0.1')
  })

  test('ends when the name is never found', async (context) => {
    const names = cacheOf(() => new Promise(() => undefined), longMs)
    await assert.rejects(connectByName(open(context), { host, port: 1 }, 1, names), /broker-1\.test was not/)
  })

  test('leaves the certificate to the name', () => {
    assert.deepEqual(certifiedAs(host, { tls: { ca: 'x' } }), { tls: { servername: host, ca: 'x' } })
    assert.deepEqual(certifiedAs(host, { tls: { servername: 'own' } }), { tls: { servername: 'own' } })
    assert.deepEqual(certifiedAs('10.0.0.1', { tls: {} }), { tls: {} })
    assert.equal(certifiedAs(host, undefined), undefined)
  })
})
