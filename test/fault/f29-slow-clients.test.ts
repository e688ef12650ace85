import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { quantileMs } from '../support/fault-quantiles.ts'
import { waitFor } from '../support/wait-for.ts'

interface SlowClient {
  readonly socket: Socket
  readonly openedMs: number
  closedMs: number | undefined
  answer: string
}

/** Connects, writes `head` at once, and then, if there is any, one byte of `drip` every 200 ms for as long as it lasts. */
function slowClient(context: TestContext, url: string, head: string, drip = ''): SlowClient {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  const client: SlowClient = { socket, openedMs: nowMs(), closedMs: undefined, answer: '' }
  let at = 0
  const timer = setInterval(() => {
    if (at < drip.length && socket.writable) socket.write(drip.charAt(at))
    at += 1
  }, 200)
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    client.answer += chunk.toString('latin1')
  })
  socket.on('close', () => {
    clearInterval(timer)
    client.closedMs = nowMs()
  })
  if (head !== '') socket.write(head)
  context.after(() => {
    clearInterval(timer)
    socket.destroy()
  })
  return client
}

const each = 20
/** The load comes from the same busy machine: in the short form its own stalls must not decide. */
const quantile = full ? 0.9 : 0.5

test('F29: dripped headers, dripped and stalled bodies and 1000 idle sockets: closed in time, others are unaffected', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { fast: {} },
    proxyArgs: ['--headers-timeout', '2s', '--body-timeout', '3s'],
  })
  const { url } = bed.proxy
  const head = `POST /v1/topics/${bed.topic('fast')}/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`
  const load = await bed.load('fast')
  await bed.during(2000)
  const startedMs = nowMs()
  const repeat = (make: () => SlowClient) => Array.from({ length: each }, make)
  const kinds = {
    'dripped headers': repeat(() =>
      slowClient(context, url, 'POST / HTTP/1.1\r\n', 'X-Slow: a\r\n'.repeat(20)),
    ),
    'dripped body': repeat(() =>
      slowClient(context, url, `${head}Content-Length: 1000\r\n\r\n`, 'x'.repeat(200)),
    ),
    'stalled body': repeat(() => slowClient(context, url, `${head}Content-Length: 1000\r\n\r\n{"a":`)),
    'stalled chunked body': repeat(() =>
      slowClient(context, url, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n`),
    ),
  }
  const idle = Array.from({ length: 1000 }, () => slowClient(context, url, ''))
  const slow = [...Object.values(kinds).flat(), ...idle]
  await waitFor(() => slow.every(({ closedMs }) => closedMs !== undefined), {
    describe: 'every slow connection to be closed',
    timeoutMs: 30_000,
    state: () =>
      Object.entries(kinds).map(([kind, all]) => [
        kind,
        all.filter((one) => one.closedMs === undefined).length,
      ]),
  })
  for (const [kind, clients] of Object.entries(kinds)) {
    const slowest = Math.max(...clients.map(({ closedMs = 0, openedMs }) => closedMs - openedMs))
    context.diagnostic(
      `${kind}: closed after at most ${Math.round(slowest)} ms; ${clients[0]?.answer.slice(0, 60).split('\r\n')[0]}`,
    )
    // The time limit, a look at the connections every second at most, and a second to read the rest of a body.
    assert.ok(slowest < 3000 + 1000 + 1000 + 3000, `${kind}: ${slowest} ms`)
    for (const { answer } of clients) assert.match(answer, /^HTTP\/1\.1 408 /, kind)
  }
  const slowestIdle = Math.max(...idle.map(({ closedMs = 0, openedMs }) => closedMs - openedMs))
  context.diagnostic(`idle sockets: closed after at most ${Math.round(slowestIdle)} ms`)
  assert.ok(slowestIdle < 2000 + 1000 + 5000, `idle: ${slowestIdle} ms`)
  await bed.during(1000)
  const metrics = await bed.settle()
  assert.deepEqual(
    load.requests.filter(({ fate }) => fate !== 'accepted'),
    [],
  )
  // From a second on: the machine, and this very process, are busy opening the sockets.
  const [before, during] = [
    quantileMs(load.between(0, startedMs), quantile),
    quantileMs(load.between(startedMs + 1000, nowMs()), quantile),
  ]
  context.diagnostic(
    `p${100 * quantile} of the others: ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms beside the slow ones`,
  )
  const lag = metrics.get('nodejs_eventloop_lag_max_seconds')
  context.diagnostic(`longest stall of the proxy's loop since the last look: ${lag} s`)
  assert.ok(during <= 3 * before + 50, `p${100 * quantile} ${before} ms before, ${during} ms beside them`)
  await bed.assertNothingLost(metrics, 'fast')
})
