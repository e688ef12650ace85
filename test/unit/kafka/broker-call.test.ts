import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { callBroker, withBroker } from '../../../src/kafka/broker-call.ts'
import { waitFor } from '../../support/wait-for.ts'

const hang = () => new Promise<never>(() => undefined)

/** Accepts connections and says nothing. */
async function silentBroker(t: TestContext) {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.resume().on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  return { address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, open }
}

test('a broker that says nothing is left after the limit, with a sentence that names it', async (t) => {
  const { address, open } = await silentBroker(t)
  const late = { message: `broker 127.0.0.1:${address.port} did not answer within 200 ms` }
  await assert.rejects(withBroker(address, { clientId: 'test', timeoutMs: 200 }, hang), late)
  await assert.rejects(callBroker(address, { clientId: 'test', timeoutMs: 200 }, hang), late)
  await waitFor(() => open.size === 0, { describe: 'closed connections' })
})

test('a call that nobody wants any more ends with the reason, and its connection too', async (t) => {
  const { address, open } = await silentBroker(t)
  const stopping = new AbortController()
  const reason = new Error('enough')
  const asked = withBroker(address, { clientId: 'test', timeoutMs: 60_000 }, hang, stopping.signal)
  await waitFor(() => open.size === 1, { describe: 'the connection' })
  stopping.abort(reason)
  await assert.rejects(asked, reason)
  await waitFor(() => open.size === 0, { describe: 'a closed connection' })
  await assert.rejects(
    withBroker(address, { clientId: 'test', timeoutMs: 60_000 }, hang, stopping.signal),
    reason,
  )
})

test('an answer in which a part failed is an answer only to who says so', async (t) => {
  const { address } = await silentBroker(t)
  const partly = Object.assign(new Error('a part failed'), { response: 'the answer' })
  const refuse = () => Promise.reject<string>(partly)
  assert.equal(await callBroker(address, { clientId: 'test', timeoutMs: 5000 }, refuse), 'the answer')
  await assert.rejects(withBroker(address, { clientId: 'test', timeoutMs: 5000 }, refuse), partly)
})
