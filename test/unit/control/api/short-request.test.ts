import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { addShortLane } from '../../../../src/control/api/short-lane.ts'
import { readShortRequest } from '../../../../src/control/api/short-request.ts'
import { ReportSender } from '../../../../src/proxy/report/sender.ts'
import { waitFor } from '../../../support/wait-for.ts'

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
  const request = readShortRequest(packet)
  assert.deepEqual(
    [request?.proxyId, request?.host, request?.authorization, JSON.parse(String(request?.body))],
    ['p-1', `127.0.0.1:${port}`, 'Bearer secret', report],
  )
  socket.destroy()
  await sent
})

test('anything else is for the server to judge', () => {
  assert.equal(String(readShortRequest(packetOf(plain))?.body), body)
  const others: Record<string, Buffer> = {
    'another path': packetOf(withLine(0, 'POST /v1/proxies/p-1/report/x HTTP/1.1')),
    'a query': packetOf(withLine(0, 'POST /v1/proxies/p-1/report?a HTTP/1.1')),
    'an encoded id': packetOf(withLine(0, 'POST /v1/proxies/a%2Fb/report HTTP/1.1')),
    'an id that is too long': packetOf(withLine(0, `POST /v1/proxies/${'x'.repeat(201)}/report HTTP/1.1`)),
    'another method': packetOf(withLine(0, 'PUT /v1/proxies/p-1/report HTTP/1.1')),
    'another version': packetOf(withLine(0, 'POST /v1/proxies/p-1/report HTTP/1.0')),
    'no host': packetOf(plain.toSpliced(1, 1)),
    'two hosts': packetOf([...plain, 'Host: elsewhere']),
    'an end of the connection': packetOf(withLine(2, 'connection: close')),
    'another type': packetOf(withLine(3, 'content-type: text/plain')),
    'two lengths': packetOf([...plain, 'Content-Length: 5']),
    'an encoding of transfer': packetOf([...plain, 'transfer-encoding: chunked']),
    'an expectation': packetOf([...plain, 'expect: 100-continue']),
    'an origin': packetOf([...plain, 'origin: http://elsewhere']),
    'a folded line': packetOf([...plain, ' folded']),
    'a bare line feed in a value': packetOf(withLine(1, 'host: a\nx: b')),
    'a space before the colon': packetOf(withLine(1, 'host : a')),
    'a body that is not all there': packetOf(plain, body.slice(1)),
    'the beginning of another request': packetOf(plain, `${body}P`),
    'half a head': packetOf(plain).subarray(0, 60),
    'a long head': packetOf(withLine(1, `host: ${'x'.repeat(3000)}`)),
    nothing: Buffer.alloc(0),
  }
  for (const [name, packet] of Object.entries(others)) assert.equal(readShortRequest(packet), undefined, name)
})

test('no byte that is changed makes it read another request than the one that is there', () => {
  const whole = packetOf(plain)
  const anyChange = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
  fc.assert(
    fc.property(fc.array(anyChange, { minLength: 1, maxLength: 3 }), (changes) => {
      const packet = Buffer.from(whole)
      for (const { at, byte } of changes) packet[at] = byte
      const request = readShortRequest(packet)
      if (request === undefined) return
      assert.equal(request.body.length, body.length)
      assert.match(request.proxyId, /^[A-Za-z0-9._-]{3}$/)
      assert.match(request.host, /^[!-~](?:[ -~]*[!-~])?$/)
    }),
    { numRuns: 2000 },
  )
})

interface Rig {
  readonly port: number
  readonly seenByServer: string[]
  readonly closeLane: () => void
}

/** A server whose lane answers every report but those of `stranger`. */
async function rigFor(t: TestContext): Promise<Rig> {
  const seenByServer: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seenByServer.push(`${request.method} ${request.url} ${Buffer.concat(chunks)}`)
      response.end('server')
    })
  })
  const answer = ({ proxyId }: { proxyId: string }) =>
    proxyId === 'stranger' ? undefined : 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlane'
  const closeLane = addShortLane(server, { answer, idleMs: 60_000 })
  t.after(() => {
    closeLane()
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { port: (server.address() as AddressInfo).port, seenByServer, closeLane }
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

test('the lane closes its connections when it is told to, and an ended one is ended', async (t) => {
  const { port, closeLane } = await rigFor(t)
  const ended = client(t, port)
  ended.socket.write(packetOf(plain))
  await ended.untilAnswers(1)
  ended.socket.end()
  await once(ended.socket, 'close')
  const open = client(t, port)
  open.socket.write(packetOf(plain))
  await open.untilAnswers(1)
  closeLane()
  await once(open.socket, 'close')
})
