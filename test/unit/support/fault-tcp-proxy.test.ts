import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type TcpFault, TcpFaultProxy } from '../../support/fault-tcp-proxy.ts'
import { waitFor } from '../../support/wait-for.ts'

function frame(text: string): Buffer {
  const bytes = Buffer.alloc(4 + text.length)
  bytes.writeInt32BE(text.length, 0)
  bytes.write(text, 4)
  return bytes
}

/** An echo behind the proxy, and one client of it. */
async function echo(context: TestContext) {
  const seen: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      seen.push(chunk)
      socket.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close())
  const proxy = await TcpFaultProxy.listen()
  proxy.target((server.address() as AddressInfo).port)
  context.after(() => proxy.close())
  const dial = async (): Promise<Socket> => {
    const client = connect(proxy.port, '127.0.0.1')
    client.on('error', () => undefined)
    context.after(() => client.destroy())
    await once(client, 'connect')
    return client
  }
  return { proxy, seen, dial }
}

async function answerOf(client: Socket, text: string): Promise<string> {
  client.write(frame(text))
  let answer = Buffer.alloc(0)
  while (answer.length < 4 + text.length) {
    const [chunk] = (await once(client, 'data')) as [Buffer]
    answer = Buffer.concat([answer, chunk])
  }
  return answer.toString('latin1', 4)
}

test('whole frames pass; every n-th answer becomes a reset', async (context) => {
  const { proxy, dial } = await echo(context)
  const client = await dial()
  assert.equal(await answerOf(client, 'one'), 'one')
  assert.equal(await answerOf(client, 'x'.repeat(100_000)), 'x'.repeat(100_000))
  proxy.set({ resetEveryAnswers: 3 })
  const closed = new Promise((gone) => client.once('close', gone))
  client.write(frame('three'))
  await closed
  assert.equal(await answerOf(await dial(), 'four'), 'four')
})

for (const fault of [{ dropAnswers: true }, { dropRequests: true }] satisfies TcpFault[]) {
  test(`${Object.keys(fault)}: the connection stays until the fault ends, then it is reset`, async (context) => {
    const { proxy, seen, dial } = await echo(context)
    const client = await dial()
    assert.equal(await answerOf(client, 'before'), 'before')
    proxy.set(fault)
    client.write(frame('lost'))
    const dropped = 'dropAnswers' in fault
    await waitFor(() => proxy.tainted > 0, { describe: 'something to be dropped' })
    const closed = new Promise((gone) => client.once('close', gone))
    proxy.set({})
    await closed
    assert.equal(Buffer.concat(seen).includes('lost'), dropped)
    assert.equal(await answerOf(await dial(), 'after'), 'after')
  })
}

test('a port that is down refuses, and listens again on the same number', async (context) => {
  const { proxy, dial } = await echo(context)
  await proxy.down()
  const refused = connect(proxy.port, '127.0.0.1')
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
  await proxy.up()
  assert.equal(await answerOf(await dial(), 'again'), 'again')
})
