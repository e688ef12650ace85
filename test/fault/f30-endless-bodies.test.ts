import assert from 'node:assert/strict'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { brotliCompressSync, constants, createGzip, gzipSync, zstdCompressSync } from 'node:zlib'
import { assertConserved, readMetrics } from '../integration/proxy-support.ts'
import { FaultBed } from '../support/fault-bed.ts'
import { residentBytes } from '../support/fault-memory.ts'

interface Answer {
  /** 0: the connection ended without one. */
  readonly status: number
  /** Bytes that were written until the answer was read. */
  readonly written: number
}

/** Writes the body for as long as it is let, and reads meanwhile: whoever does so must get the answer. */
function send(url: string, headers: Readonly<Record<string, string>>, body: Readable): Promise<Answer> {
  return new Promise((resolve) => {
    let written = 0
    const asked = request(url, { method: 'POST', agent: false, headers })
    const end = (status: number): void => {
      body.destroy()
      resolve({ status, written })
    }
    asked.on('response', (response) => {
      response.resume()
      response.once('error', () => undefined)
      end(response.statusCode ?? 0)
    })
    asked.on('error', () => end(0))
    body.on('error', () => undefined)
    body.on('data', (chunk: Buffer) => {
      written += chunk.length
    })
    body.pipe(asked)
  })
}

/** `bytes` of one endless JSON string; `Infinity` never ends. */
function text(bytes: number): Readable {
  const block = Buffer.alloc(64 * 1024, 'x')
  let left = bytes
  return new Readable({
    read() {
      const size = Math.min(block.length, left)
      left -= size
      this.push(size === 0 ? null : block.subarray(0, size))
    },
  })
}

function assertTooLarge(name: string, { status, written }: Answer): void {
  assert.equal(status, 413, `${name}: answered ${status} after ${written} bytes were written`)
}

const zeros = Buffer.alloc(256 * 2 ** 20)

test('F30: endless bodies, 1 GB and bombs: refused at the limit, memory stays flat', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { fast: {} },
    proxyArgs: ['--max-body', '8MiB', '--max-buffer', '64MiB'],
  })
  const url = `${bed.proxy.url}/v1/topics/${bed.topic('fast')}/events`
  const load = await bed.load('fast')
  const json = { 'content-type': 'application/x-ndjson' }
  const compressed = {
    gzip: gzipSync(zeros, { level: 9 }),
    br: brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    zstd: zstdCompressSync(zeros),
  }
  const { pid } = bed.proxy.process
  const before = residentBytes(pid)
  context.diagnostic(`resident before: ${Math.round(before.now / 2 ** 20)} MiB`)

  const gigabyte = await send(url, { ...json, 'content-length': String(1e9) }, text(1e9))
  assertTooLarge('1 GB', gigabyte)
  assert.ok(gigabyte.written < 16 * 2 ** 20, `${gigabyte.written} bytes of the gigabyte were written`)
  const endless = await send(url, json, text(Number.POSITIVE_INFINITY))
  assertTooLarge('endless', endless)
  const endlessGzip = createGzip({ level: 1 })
  const zipped = await send(
    url,
    { ...json, 'content-encoding': 'gzip' },
    text(Number.POSITIVE_INFINITY).pipe(endlessGzip),
  )
  assertTooLarge('endless gzip', zipped)
  for (const [encoding, bytes] of Object.entries(compressed)) {
    context.diagnostic(`${encoding}: ${bytes.length} bytes, 1:${Math.round(zeros.length / bytes.length)}`)
    const bombs = await Promise.all(
      Array.from({ length: 8 }, () =>
        send(url, { ...json, 'content-encoding': encoding }, Readable.from([bytes.subarray(0, 2 ** 22)])),
      ),
    )
    for (const { status } of bombs)
      assert.ok(status === 413 || status === 429, `${encoding}: answered ${status}`)
  }
  const after = residentBytes(pid)
  context.diagnostic(
    `resident after: ${Math.round(after.now / 2 ** 20)} MiB, peak ${Math.round(after.peak / 2 ** 20)} MiB`,
  )
  assert.ok(after.peak <= (64 + 150) * 2 ** 20, `memory reached ${after.peak} bytes`)
  const metrics = await bed.settle()
  assert.deepEqual(
    load.requests.filter(({ fate }) => fate !== 'accepted'),
    [],
  )
  const refused = (reason: string) => metrics.get(`forebay_requests_refused_total{reason="${reason}"}`) ?? 0
  assert.equal(refused('internal'), 0)
  // Three endless ones and 24 bombs; a bomb that finds no room is refused for that.
  assert.ok(refused('too-large') >= 6, `${refused('too-large')} refused as too large`)
  assert.equal(refused('too-large') + refused('buffer-full'), 27, 'each was refused once')
  assertConserved(await readMetrics(bed.proxy))
  await bed.assertNothingLost(metrics, 'fast')
})
