import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { Pool } from 'undici'
import { builtLauncher } from '../support/built.ts'
import { residentBytes } from '../support/fault-memory.ts'
import { placedTopic } from '../support/placed-topic.ts'
import { waitFor } from '../support/wait-for.ts'
import { placementOf, type RunningProxy, readMetrics, startProxy } from './proxy-support.ts'

/** Semantics: RSS ≤ cap + 150 MiB per process. A small cap, so that the fixed part cannot hide in it. */
const capBytes = 8 * 2 ** 20
const fixedBytes = 150 * 2 ** 20
const clients = 200

/** A proxy whose cluster is out: its buffer fills and stays full. */
async function start(context: TestContext): Promise<RunningProxy> {
  // Nothing listens on port 1.
  const document = placementOf(['127.0.0.1:1'], [placedTopic('t.fast'), placedTopic('t.other')])
  const args = ['--max-buffer', '8MiB', '--max-body', '2MiB', '--log-level', 'error']
  return startProxy(context, document, args, { program: builtLauncher(context) })
}

function assertWithin(context: TestContext, proxy: RunningProxy, after: string): void {
  const { peak, now } = residentBytes(proxy.process.pid)
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20)
  context.diagnostic(`${after}: resident ${mib(now)} MiB, at most ${mib(peak)}, cap ${mib(capBytes)}`)
  assert.ok(proxy.process.running, proxy.process.output)
  assert.ok(peak <= capBytes + fixedBytes, `memory reached ${peak} bytes with a cap of ${capBytes}`)
}

interface Body {
  readonly body: Buffer
  readonly encoding?: string
}

/** `requests` of these in turn, by many clients that ask again at once. Resolves with the number of each status. */
async function storm(
  proxy: RunningProxy,
  bodies: readonly Body[],
  requests: number,
): Promise<Map<number, number>> {
  const pool = new Pool(proxy.url, { connections: clients })
  const statuses = new Map<number, number>()
  let sent = 0
  const client = async (): Promise<void> => {
    while (sent < requests) {
      const { body, encoding } = bodies[sent % bodies.length] as Body
      sent += 1
      const headers = {
        'content-type': 'application/x-ndjson',
        ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      }
      let status = 0
      try {
        const answer = await pool.request({ method: 'POST', path: '/v1/topics/t.fast/events', headers, body })
        status = answer.statusCode
        await answer.body.dump()
      } catch {
        // Refused and closed while it was still sending: 0.
      }
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  await pool.destroy()
  return statuses
}

const lines = (count: number) => Buffer.from(`{"data":"${'x'.repeat(1000)}"}\n`.repeat(count))

const zeros = Buffer.alloc(64 * 2 ** 20)

/** Larger windows than anybody reserves, too. */
const bombs: Readonly<Record<string, Buffer>> = {
  gzip: gzipSync(zeros, { level: 9 }),
  deflate: deflateSync(zeros, { level: 9 }),
  br: brotliCompressSync(zeros, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 24 },
  }),
  zstd: zstdCompressSync(zeros, { params: { [constants.ZSTD_c_windowLog]: 23 } }),
}

/** Half bodies of 512 KiB on many connections, which then say no more and go away. */
async function stopShort(proxy: RunningProxy): Promise<void> {
  const sockets = Array.from({ length: 300 }, () => {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(
      'POST /v1/topics/t.fast/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n',
    )
    socket.write('Transfer-Encoding: chunked\r\n\r\n')
    for (let at = 0; at < 8; at += 1) socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`)
    return socket
  })
  await waitFor(
    async () =>
      ((await readMetrics(proxy)).get('forebay_requests_refused_total{reason="buffer-full"}') ?? 0) > 100,
    {
      describe: 'most to be refused',
      timeoutMs: 30_000,
      state: () => proxy.process.output,
    },
  )
  for (const socket of sockets) socket.destroy()
  const aborted = async () => {
    const metrics = await readMetrics(proxy)
    return metrics.get('forebay_buffer_bytes{topic="t.fast"}') ?? 0
  }
  await waitFor(async () => (await aborted()) === 0, { describe: 'their room to be free', timeoutMs: 30_000 })
}

test('memory: whatever clients send, a proxy with a small cap stays within cap + 150 MiB', {
  timeout: 240_000,
}, async (context) => {
  const proxy = await start(context)
  assertWithin(context, proxy, 'idle')
  for (const [encoding, body] of Object.entries(bombs)) {
    const statuses = await storm(proxy, [{ body, encoding }], encoding === 'br' ? 30 : 200)
    context.diagnostic(`${body.length} bytes of ${encoding}: ${JSON.stringify([...statuses])}`)
    for (const status of statuses.keys()) assert.ok([0, 413, 429].includes(status), `${encoding}: ${status}`)
    assertWithin(context, proxy, `${encoding} bombs`)
  }
  await stopShort(proxy)
  assertWithin(context, proxy, 'bodies that stop short of their end')
  const statuses = await storm(proxy, [{ body: lines(20) }], 2500)
  context.diagnostic(JSON.stringify([...statuses]))
  assert.ok((statuses.get(429) ?? 0) > 1000, 'the buffer was not full')
  assertWithin(context, proxy, 'clients that retry at once')
})
