import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { FrameSocket } from '../../../src/kafka/frame-socket.ts'

/** A broker in a thread of its own, so that it answers while our loop stands still: five bytes to each request, or nothing. */
const broker = `
  const { createServer } = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (frame) => {
      if (!workerData.answers) return
      const answer = Buffer.alloc(9)
      answer.writeInt32BE(5, 0)
      frame.copy(answer, 4, 8, 12)
      socket.write(answer)
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

async function socketTo(context: TestContext, answers: boolean): Promise<FrameSocket> {
  const worker = new Worker(broker, { eval: true, workerData: { answers } })
  context.after(() => worker.terminate())
  const [port] = (await once(worker, 'message')) as [number]
  const socket = await FrameSocket.open(
    { host: '127.0.0.1', port },
    { clientId: 'test', connectTimeoutMs: 5000 },
  )
  context.after(() => socket.close())
  return socket
}

function ask(socket: FrameSocket, timeoutMs: number): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>()
  socket.request(3, 12, [Buffer.alloc(4)], timeoutMs, (error) => resolve(error))
  return promise
}

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test('an answer that came while our own loop stood still is taken, though its deadline is over', async (context) => {
  const socket = await socketTo(context, true)
  // The first exchange makes sure that the broker has taken the connection.
  assert.equal(await ask(socket, 10_000), undefined)
  const answer = ask(socket, 50)
  standStill(1000)
  assert.equal(await answer, undefined)
  assert.equal(socket.closed, false)
})

test('a broker that does not answer is given up at the deadline, with its connection', async (context) => {
  const socket = await socketTo(context, false)
  const error = await ask(socket, 50)
  assert.equal(error?.name, 'UnansweredError')
  assert.equal(socket.closed, true)
})
