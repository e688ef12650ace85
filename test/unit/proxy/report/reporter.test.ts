import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { systemClock } from '../../../../src/core/clock.ts'
import type { ProxyReport, ProxyReportAnswer } from '../../../../src/core/proxy-report.ts'
import { isProxyId, newProxyId } from '../../../../src/proxy/report/proxy-id.ts'
import { Reporter } from '../../../../src/proxy/report/reporter.ts'
import { ReportSender } from '../../../../src/proxy/report/sender.ts'
import { WindowTaker } from '../../../../src/proxy/report/window.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { sampleDocument } from '../../placement/sample.ts'

type Answerer = (response: ServerResponse, request: IncomingMessage) => void

interface Seen {
  readonly path: string
  readonly port: number
  readonly authorization: string | undefined
  readonly report: ProxyReport
}

/** A control plane that notes what it is told, and answers as told. */
async function controlPlane(owner: TestContext, answer: Answerer, seen: Seen[] = []) {
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const part of request) text += part
    const { remotePort: port = 0 } = request.socket
    const { authorization } = request.headers
    seen.push({ path: request.url ?? '', port, authorization, report: JSON.parse(text) as ProxyReport })
    answer(response, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  owner.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server }
}

const well: Answerer = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"leaseMs":10000,"version":1}')
}

const report: ProxyReport = { instance: 'i', sequence: 1, windowMs: 1000, clusters: [] }

function senderTo(owner: TestContext, ...controlUrls: string[]): ReportSender {
  const sender = new ReportSender({ controlUrls, id: 'p 1', token: 'secret' })
  owner.after(() => sender.close())
  return sender
}

test('reports go over one kept connection, with the token and the name of the proxy', async (t) => {
  const { url, seen } = await controlPlane(t, well)
  const sender = senderTo(t, url)
  assert.deepEqual(await sender.send(report, 1000), { leaseMs: 10_000, version: 1 })
  await sender.send({ ...report, sequence: 2 }, 1000)
  assert.equal(seen[0]?.path, '/v1/proxies/p%201/report')
  assert.equal(seen[0]?.authorization, 'Bearer secret')
  assert.equal(seen[0]?.port, seen[1]?.port, 'it connected again')
  assert.equal(seen[1]?.report.sequence, 2)
})

const faults: readonly (readonly [string, Answerer, RegExp])[] = [
  ['404', (response) => response.writeHead(404).end('{}'), /it answered 404/],
  ['500', (response) => response.writeHead(500).end('{}'), /it answered 500/],
  ['a redirect', (response) => response.writeHead(307, { location: '/' }).end(), /it answered 307/],
  ['HTML', (response) => response.end('<html>'), /its answer is not JSON/],
  ['null', (response) => response.end('null'), /not that to a report/],
  ['nonsense', (response) => response.end('{"leaseMs":-1,"version":"x"}'), /not that to a report/],
  ['a MiB', (response) => response.end(' '.repeat(2 ** 20)), /more than 65536 bytes/],
  ['a cut connection', (response) => response.destroy(), /UND_ERR_SOCKET|ECONNRESET|other side closed/],
  ['nothing', () => undefined, /TimeoutError|aborted due to timeout/],
  ['half a head', (response) => response.socket?.write('HTTP/1.1 2'), /TimeoutError|aborted due to timeout/],
]
for (const [what, answer, reason] of faults) {
  test(`${what} is a failed report, within the time limit (F16)`, async (t) => {
    const { url } = await controlPlane(t, answer)
    await assert.rejects(senderTo(t, url).send(report, 300), reason)
  })
}

test('one that is away is passed over at once, one that hangs from the next report on', async (t) => {
  const away = await controlPlane(t, well)
  away.server.close()
  const good = await controlPlane(t, well)
  const hanging = await controlPlane(t, () => undefined)
  const sender = senderTo(t, away.url, good.url)
  await sender.send(report, 1000)
  assert.equal(good.seen.length, 1)
  const other = senderTo(t, hanging.url, good.url)
  await assert.rejects(other.send(report, 200))
  await other.send(report, 1000)
  assert.equal(good.seen.length, 2)
})

test('where a replica names a leader that is known, the next report goes there; elsewhere it never goes', async (t) => {
  const leader = await controlPlane(t, well)
  const stranger = await controlPlane(t, well)
  const naming = { url: leader.url }
  const standby = await controlPlane(t, (response, request) => {
    response.setHeader('forebay-leader', naming.url)
    well(response, request)
  })
  const sender = senderTo(t, standby.url, leader.url)
  naming.url = stranger.url
  await sender.send(report, 1000)
  await sender.send(report, 1000)
  assert.deepEqual([standby.seen.length, leader.seen.length, stranger.seen.length], [2, 0, 0])
  naming.url = leader.url
  await sender.send(report, 1000)
  await sender.send(report, 1000)
  assert.deepEqual([standby.seen.length, leader.seen.length], [3, 1])
})

/** Reports with a sender of the test's; what is logged is kept. */
function reporting(
  owner: TestContext,
  send: (report: ProxyReport) => Promise<ProxyReportAnswer>,
  refresh: (version: number) => Promise<void> = async () => undefined,
) {
  const logged: string[] = []
  const reporter = new Reporter({
    sender: { send, close: async () => undefined },
    takeWindow: () => ({ windowMs: 1000, clusters: [] }),
    placements: { current: sampleDocument({ version: 3 }), refresh },
    clock: systemClock,
    logger: pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) }),
  })
  owner.after(() => reporter.stop())
  return { reporter, logged }
}

test('while a report is unanswered there is no other, and none is queued', async (t) => {
  const answers: PromiseWithResolvers<ProxyReportAnswer>[] = []
  const { reporter } = reporting(t, () => {
    const answer = Promise.withResolvers<ProxyReportAnswer>()
    answers.push(answer)
    return answer.promise
  })
  reporter.start()
  await waitFor(() => answers.length === 1, { describe: 'a report' })
  answers[0]?.resolve({ leaseMs: 5000, version: 3 })
  await waitFor(() => reporter.counts.taken === 1, { describe: 'its answer' })
  assert.equal(reporter.leaseMs, 5000)
  assert.equal(answers.length, 1, 'the next one is a second later')
  await waitFor(() => answers.length === 2, { describe: 'the next report' })
  answers[1]?.reject(new Error('over'))
})

test('an outage is said once, counted each time, and its end is said; sequences go on', async (t) => {
  const sequences: number[] = []
  let isAway = true
  const { reporter, logged } = reporting(t, async ({ sequence }) => {
    sequences.push(sequence)
    if (isAway) throw new Error('away')
    return { leaseMs: 10_000, version: 3 }
  })
  reporter.start()
  await waitFor(() => reporter.counts.failed >= 2, { describe: 'two failed reports' })
  isAway = false
  await waitFor(() => reporter.counts.taken >= 1, { describe: 'a report that is taken' })
  assert.deepEqual(
    sequences,
    sequences.map((_, index) => index + 1),
  )
  const said = logged.filter((line) => line.includes('"level":40'))
  assert.equal(said.length, 1, logged.join(''))
  assert.equal(logged.filter((line) => line.includes('taken again')).length, 1)
})

test('a proxy that is behind asks for the placement at once', async (t) => {
  const asked: number[] = []
  const { reporter } = reporting(
    t,
    async () => ({ leaseMs: 10_000, version: 4 }),
    async (version) => {
      asked.push(version)
      throw new Error('nobody is further')
    },
  )
  reporter.start()
  await waitFor(() => asked.length > 0, { describe: 'a question for version 4' })
  assert.equal(asked[0], 4)
})

test('a window begins where the last one ended, and a proxy that stood still says so', () => {
  const time = { nowMs: 100 }
  const source = { clusters: () => [], settledVersion: () => 9 }
  const document = { current: undefined as ReturnType<typeof sampleDocument> | undefined }
  const clock = { monotonicMs: () => time.nowMs, wallMs: () => 0 }
  const windows = new WindowTaker(source, () => document.current, clock)
  time.nowMs = 1100
  assert.deepEqual(windows.take(), { windowMs: 1000, clusters: [] })
  document.current = sampleDocument({ version: 7 })
  time.nowMs = 31_100
  const { windowMs, placement } = windows.take()
  assert.equal(windowMs, 30_000)
  assert.deepEqual([placement?.version, placement?.settledVersion], [7, 7], 'never more than what is in use')
})

test('names of proxies are fit for a path and differ at each start', () => {
  assert.ok(isProxyId(newProxyId(8080)), newProxyId(8080))
  assert.match(newProxyId(8080), /-8080-[0-9a-f]{6}$/)
  assert.notEqual(newProxyId(1), newProxyId(1))
  for (const bad of ['', 'a/b', 'a b', '../x', 'ü', 'x'.repeat(201)]) assert.equal(isProxyId(bad), false, bad)
})
