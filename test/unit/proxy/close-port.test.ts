import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { closePort } from '../../../src/proxy/http/close-port.ts'

async function listening(context: TestContext) {
  const server = createServer((_request, response) => response.end('served'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.closeAllConnections())
  return { server, port: (server.address() as AddressInfo).port }
}

const never = new Promise<never>(() => undefined)

/** The whole answer to one request on a connection of its own. */
async function ask(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

const isClosed = async (port: number) =>
  (await ask(port).catch((error: { code: string }) => error.code)) === 'ECONNREFUSED'

test('who connects while the port is being closed is served, not reset', async (context) => {
  const { server, port } = await listening(context)
  const closing = closePort(server, never)
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(port)))
  assert.ok(
    answers.every((answer) => answer.endsWith('served')),
    answers.join('\n'),
  )
  await closing
  assert.ok(await isClosed(port))
})

test('somebody who never stops connecting does not keep the port open', async (context) => {
  const { server, port } = await listening(context)
  let open = true
  const flood = (async () => {
    while (open) await ask(port).catch(() => '')
  })()
  await closePort(server, never)
  open = false
  await flood
  assert.ok(await isClosed(port))
})

test('in a hurry nobody is waited for, and an idle connection stays open', async (context) => {
  const { server, port } = await listening(context)
  const idle = connect(port, '127.0.0.1')
  context.after(() => idle.destroy())
  await once(server, 'connection')
  await closePort(server, Promise.resolve())
  assert.ok(await isClosed(port))
  idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [answer] = (await once(idle, 'data')) as [Buffer]
  assert.match(String(answer), /served/)
})
