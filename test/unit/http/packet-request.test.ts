import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { PacketAnswer } from '../../../src/http/packet-answer.ts'
import { addPacketLane } from '../../../src/http/packet-lane.ts'
import { type PacketRequest, readPacketRequest } from '../../../src/http/packet-request.ts'
import { ReportSender } from '../../../src/proxy/report/sender.ts'
import { waitFor } from '../../support/wait-for.ts'

const body = '{"sequence":1}'
const plain = [
  'POST /v1/proxies/p-1/report HTTP/1.1',
  'host: 127.0.0.1:7070',
  'connection: keep-alive',
  'content-type: application/json',
  `content-length: ${body.length}`,
]
const packetOf = (lines: readonly string[], text = body) =>
  Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}`)
const withLine = (index: number, line: string) => plain.with(index, line)

test('what our own proxies send is read whole', async (t) => {
  const server = createTcpServer()
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const sender = new ReportSender({ controlUrls: [`http://127.0.0.1:${port}`], id: 'p-1', token: 'secret' })
  t.after(() => sender.close())
  const report = { instance: 'i', sequence: 1, windowMs: 1000, clusters: [] }
  const sent = sender.send(report, 5000).catch((error: unknown) => error)
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [packet] = (await once(socket, 'data')) as [Buffer]
  const request = readPacketRequest(packet)
  assert.deepEqual(
    [request?.target, request?.headers.host, request?.headers.authorization],
    ['/v1/proxies/p-1/report', `127.0.0.1:${port}`, 'Bearer secret'],
  )
  assert.deepEqual(JSON.parse(String(request?.body)), report)
  socket.destroy()
  await sent
})

test('anything else is for the server to judge', () => {
  assert.equal(String(readPacketRequest(packetOf(plain))?.body), body)
  const others: Record<string, Buffer> = {
    'another method': packetOf(withLine(0, 'PUT /v1/proxies/p-1/report HTTP/1.1')),
    'another version': packetOf(withLine(0, 'POST /v1/proxies/p-1/report HTTP/1.0')),
    'no host': packetOf(plain.toSpliced(1, 1)),
    'two hosts': packetOf([...plain, 'Host: elsewhere']),
    'an end of the connection': packetOf(withLine(2, 'connection: close')),
    'two lengths': packetOf([...plain, 'Content-Length: 5']),
    'an encoding of transfer': packetOf([...plain, 'transfer-encoding: chunked']),
    'an expectation': packetOf([...plain, 'expect: 100-continue']),
    'a compressed body': packetOf([...plain, 'Content-Encoding: gzip']),
    'an upgrade': packetOf([...plain, 'upgrade: h2c']),
    'a length with a sign': packetOf(withLine(4, `content-length: +${body.length}`)),
    'no length': packetOf(plain.toSpliced(4, 1), ''),
    'a target that is no path': packetOf(withLine(0, 'POST http://a/b HTTP/1.1')),
    'a byte beyond ASCII': packetOf(withLine(1, 'host: caf\xe9')),
    'an empty value': packetOf([...plain, 'x:']),
    'a folded line': packetOf([...plain, ' folded']),
    'a bare line feed in a value': packetOf(withLine(1, 'host: a\nx: b')),
    'a space before the colon': packetOf(withLine(1, 'host : a')),
    'a body that is not all there': packetOf(plain, body.slice(1)),
    'the beginning of another request': packetOf(plain, `${body}P`),
    'half a head': packetOf(plain).subarray(0, 60),
    'a long head': packetOf(withLine(1, `host: ${'x'.repeat(5000)}`)),
    nothing: Buffer.alloc(0),
  }
  for (const [name, packet] of Object.entries(others))
    assert.equal(readPacketRequest(packet), undefined, name)
})

test('no byte that is changed makes it read another request than the one that is there', () => {
  const whole = packetOf(plain)
  const anyChange = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
  fc.assert(
    fc.property(fc.array(anyChange, { minLength: 1, maxLength: 3 }), (changes) => {
      const packet = Buffer.from(whole)
      for (const { at, byte } of changes) packet[at] = byte
      const request = readPacketRequest(packet)
      if (request === undefined) return
      assert.equal(request.body.length, body.length)
      assert.match(request.target, /^\/[!-~]+$/)
      assert.match(String(request.headers.host), /^[!-~](?:[ -~]*[!-~])?$/)
    }),
    { numRuns: 2000 },
  )
})

interface Rig {
  readonly port: number
  readonly server: Server
  readonly seenByServer: string[]
}

const laneAnswer: PacketAnswer = { text: 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlane', closes: false }

/** A server whose lane answers what is not for `stranger`. */
async function rigFor(
  t: TestContext,
  answer: (request: PacketRequest) => PacketAnswer | Promise<PacketAnswer> = () => laneAnswer,
): Promise<Rig> {
  const seenByServer: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seenByServer.push(`${request.method} ${request.url} ${Buffer.concat(chunks)}`)
      response.end('server')
    })
  })
  addPacketLane(server, {
    answer: (request) => (request.target.includes('stranger') ? undefined : answer(request)),
    firstMs: 60_000,
    idleMs: 60_000,
    onSilent: (socket) => socket.destroy(),
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { port: (server.address() as AddressInfo).port, server, seenByServer }
}

function client(t: TestContext, port: number) {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  const answers = () => text.match(/\r\n\r\n(?:lane|\S*\r\n?server|server)/g)?.length ?? 0
  const untilAnswers = (count: number) =>
    waitFor(() => answers() >= count, { describe: `${count} answers`, state: () => text })
  return { socket, untilAnswers, text: () => text }
}

test('a connection stays in the lane while it reports, and is the server’s from the first other request on', async (t) => {
  const { port, seenByServer } = await rigFor(t)
  const { socket, untilAnswers, text } = client(t, port)
  for (let count = 1; count <= 3; count += 1) {
    socket.write(packetOf(plain))
    await untilAnswers(count)
  }
  assert.deepEqual([seenByServer, text().match(/lane/g)?.length], [[], 3])
  socket.write(packetOf(withLine(0, 'POST /v1/proxies/stranger/report HTTP/1.1')))
  await untilAnswers(4)
  socket.write(packetOf(plain))
  await untilAnswers(5)
  assert.deepEqual(seenByServer, [
    `POST /v1/proxies/stranger/report ${body}`,
    `POST /v1/proxies/p-1/report ${body}`,
  ])
})

test('a request in pieces and two in one packet reach the server byte for byte', async (t) => {
  const { port, seenByServer } = await rigFor(t)
  const packet = packetOf(plain)
  const pieces = client(t, port)
  await once(pieces.socket, 'connect')
  pieces.socket.setNoDelay(true)
  pieces.socket.write(packet.subarray(0, 30))
  await new Promise((resolve) => setTimeout(resolve, 20))
  pieces.socket.write(packet.subarray(30))
  await pieces.untilAnswers(1)
  const two = client(t, port)
  two.socket.write(Buffer.concat([packet, packet]))
  await two.untilAnswers(2)
  const seen = `POST /v1/proxies/p-1/report ${body}`
  assert.deepEqual(seenByServer, [seen, seen, seen])
})

test('a long body whose beginning came with its head reaches the server byte for byte, though the packet’s memory is freed', async (t) => {
  const { port, seenByServer } = await rigFor(t)
  const long = Array.from({ length: 30_000 }, (_, index) => index.toString(36)).join()
  const { socket, untilAnswers } = client(t, port)
  for (let count = 1; count <= 3; count += 1) {
    socket.write(packetOf(withLine(4, `content-length: ${long.length}`), long))
    await untilAnswers(count)
    assert.equal(seenByServer.at(-1), `POST /v1/proxies/p-1/report ${long}`)
  }
})

test('an ended connection is ended, and what closes the server’s connections closes those of the lane', async (t) => {
  const { port, server } = await rigFor(t)
  const ended = client(t, port)
  ended.socket.write(packetOf(plain))
  await ended.untilAnswers(1)
  ended.socket.end()
  await once(ended.socket, 'close')
  for (const close of ['closeAllConnections', 'closeIdleConnections'] as const) {
    const open = client(t, port)
    open.socket.write(packetOf(plain))
    await open.untilAnswers(1)
    server[close]()
    await once(open.socket, 'close')
  }
})

test('an answer that comes later keeps its place, is not cut off as idle, and may end the connection', async (t) => {
  const later: ((answer: PacketAnswer) => void)[] = []
  const { port, server } = await rigFor(t, () => new Promise((resolve) => later.push(resolve)))
  const { socket, untilAnswers, text } = client(t, port)
  socket.write(packetOf(plain))
  await waitFor(() => later.length === 1, { describe: 'the first request' })
  socket.write(packetOf(plain))
  server.closeIdleConnections()
  later[0]?.(laneAnswer)
  await waitFor(() => later.length === 2, { describe: 'the second request, after the first was answered' })
  await untilAnswers(1)
  later[1]?.({ ...laneAnswer, closes: true })
  await once(socket, 'close')
  assert.equal(text().match(/lane/g)?.length, 2)
})

test('whoever says nothing is handed to who closes such connections, a client that was heard is closed', async (t) => {
  const silent: Socket[] = []
  const server = createServer()
  addPacketLane(server, {
    answer: () => laneAnswer,
    firstMs: 200,
    idleMs: 20,
    onSilent: (socket) => {
      silent.push(socket)
      socket.destroy()
    },
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const quiet = client(t, port)
  const heard = client(t, port)
  heard.socket.write(packetOf(plain))
  await Promise.all([once(quiet.socket, 'close'), once(heard.socket, 'close')])
  assert.deepEqual([silent.length, heard.text().includes('lane')], [1, true])
})
