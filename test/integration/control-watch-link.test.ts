import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { requests } from 'kafkajs/src/protocol/requests/index.js'
import { NoAnswerError, type NoAnswerKind } from '../../src/control/watch/broker-connection.ts'
import { BrokerLink } from '../../src/control/watch/broker-link.ts'
import { freePort } from '../support/free-port.ts'

const exchange = requests.GroupCoordinator.protocol({ version: 2 })({ groupId: 'g', coordinatorType: 0 })

/** The answer to `exchange` as a broker sends it: throttle time, no error, no message, node 7 at `h:1`. */
function answerTo(request: Buffer): Buffer {
  const body = Buffer.from([0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 7, 0, 1, 0x68, 0, 0, 0, 1])
  const head = Buffer.alloc(8)
  head.writeInt32BE(4 + body.length, 0)
  request.copy(head, 4, 8, 12)
  return Buffer.concat([head, body])
}

/** A link to a server that does `serve` with each connection. */
async function linkTo(
  t: TestContext,
  serve: (socket: Socket, connection: number) => void,
): Promise<BrokerLink> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    serve(socket, sockets.size)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const link = new BrokerLink({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  t.after(() => {
    link.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return link
}

async function kindOf(asked: Promise<unknown>): Promise<NoAnswerKind> {
  const error: unknown = await asked.then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof NoAnswerError, String(error))
  return error.kind
}

describe('the way to one broker', () => {
  it('gives the answer, also one that comes in pieces', async (t) => {
    const link = await linkTo(t, (socket) => {
      socket.on('data', (request) => {
        const answer = answerTo(request)
        socket.write(answer.subarray(0, 6), () => setImmediate(() => socket.write(answer.subarray(6))))
      })
    })
    for (const _ of [1, 2]) assert.equal((await link.ask(exchange, 5000)).coordinator.nodeId, 7)
  })

  it('is refused by a closed port, and by one that closes at once', async (t) => {
    const closed = new BrokerLink({ host: '127.0.0.1', port: await freePort() })
    assert.equal(await kindOf(closed.ask(exchange, 5000)), 'refused')
    const closing = await linkTo(t, (socket) => socket.destroy())
    assert.equal(await kindOf(closing.ask(exchange, 5000)), 'refused')
  })

  it('opens a connection again that the broker closed meanwhile', async (t) => {
    const link = await linkTo(t, (socket, connection) => {
      socket.on('data', (request) => {
        socket.write(answerTo(request))
        if (connection === 1) socket.end()
      })
    })
    for (const _ of [1, 2, 3]) assert.equal((await link.ask(exchange, 5000)).coordinator.nodeId, 7)
  })

  it('is silent when nothing comes within the limit, and does not believe what comes later', async (t) => {
    const served: number[] = []
    const link = await linkTo(t, (socket, connection) => {
      served.push(connection)
      if (connection > 1) socket.on('data', (request) => socket.write(answerTo(request)))
    })
    assert.equal(await kindOf(link.ask(exchange, 50)), 'silent')
    assert.equal((await link.ask(exchange, 5000)).coordinator.nodeId, 7)
    assert.deepEqual(served, [1, 2])
  })

  it('does not blame the broker when it was we who stood still', async (t) => {
    const link = await linkTo(t, (socket) => {
      socket.on('data', (request) => {
        socket.write(answerTo(request))
        // The answer has left, and the loop stands still for longer than the limit before anybody can read it.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
      })
    })
    for (const _ of [1, 2, 3]) assert.equal((await link.ask(exchange, 100)).coordinator.nodeId, 7)
  })

  it('cannot be read when something else answers', async (t) => {
    const link = await linkTo(t, (socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n')),
    )
    assert.equal(await kindOf(link.ask(exchange, 5000)), 'unreadable')
  })

  it('ends what is asked when it is closed, and asks nothing more', async (t) => {
    const link = await linkTo(t, () => undefined)
    const asked = kindOf(link.ask(exchange, 60_000))
    link.close()
    assert.equal(await asked, 'closed')
    assert.equal(await kindOf(link.ask(exchange, 60_000)), 'closed')
  })
})
