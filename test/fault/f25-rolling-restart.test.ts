import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed } from '../support/fault-bed.ts'
import { LeavingClients } from '../support/fault-leaving-clients.ts'

test('F25: three proxies are restarted in turn under keep-alive clients: no request fails', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { fast: {}, durable: { delivery: 'durable' } },
    proxyArgs: ['--drain-grace', '2s', '--log-level', 'info'],
  })
  const proxies = [bed.proxy, await bed.anotherProxy(), await bed.anotherProxy()]
  const urls = proxies.map(({ url }) => url)
  const clients = (['fast', 'durable'] as const).map(
    (name) => new LeavingClients({ proxies: urls, topic: bed.topic(name), clients: 6 }),
  )
  for (const one of clients) bed.judgeToo(one)
  await bed.during(1500)
  for (const { url, process } of proxies) {
    process.kill('SIGTERM')
    const exit = await process.exited
    assert.deepEqual(exit, { code: 0, signal: null }, process.output.slice(-4000))
    await bed.anotherProxy(Number(new URL(url).port))
    await bed.during(500)
  }
  await Promise.all(clients.map((one) => one.stop()))
  for (const { requests } of clients) {
    context.diagnostic(`${requests.length} requests`)
    assert.deepEqual(
      requests.filter(({ fate }) => fate !== 'accepted'),
      [],
    )
  }
  for (const name of ['fast', 'durable']) {
    const { lost, duplicates } = await bed.verdict(name)
    assert.deepEqual({ lost, duplicates }, { lost: 0, duplicates: 0 })
  }
})
