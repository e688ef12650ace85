import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { assertNotSlowed, type Turn } from '../support/fault-quantiles.ts'
import { type SlowEnd, type SlowKind, slowClients } from '../support/fault-slow-clients.ts'

const each = 20
const turns = full ? 5 : 3
const quietMs = 2500
/** Opening a thousand connections is work for the machine, and not what is judged. */
const openingMs = 1000
/** What a machine under ten times its load adds; who is not closed stays for the 30 s that are waited. */
const busyMs = 10_000
const limits = { headersMs: 2000, bodyMs: 3000 }

test('F29: dripped headers, dripped and stalled bodies and 1000 idle sockets: closed in time, others are unaffected', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { fast: {} },
    proxyArgs: ['--headers-timeout', `${limits.headersMs}ms`, '--body-timeout', `${limits.bodyMs}ms`],
  })
  const kinds = slowKinds(bed.topic('fast'))
  const load = await bed.load('fast', { requestsPerSecond: 100, eventsPerRequest: 10 })
  const all: Turn[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    const quietFrom = nowMs()
    await bed.during(quietMs)
    const startedMs = nowMs()
    for (const end of await slowClients(bed.proxy.url, kinds, 30_000)) assertClosedInTime(bed, end)
    all.push({ quiet: [[quietFrom, startedMs]], fault: [startedMs + openingMs, nowMs()] })
    await bed.during(500)
  }
  const metrics = await bed.settle()
  const failed = load.requests.filter(({ fate }) => fate !== 'accepted')
  assert.deepEqual(failed, [])
  const ratio = assertNotSlowed(context, 'others', load.requests, all)
  bed.note('p99 of the others, × without slow clients', ratio)
  await bed.assertNothingLost(metrics, 'fast')
})

function slowKinds(topic: string): SlowKind[] {
  const head = `POST /v1/topics/${topic}/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`
  const announced = `${head}Content-Length: 1000\r\n\r\n`
  return [
    { kind: 'dripped headers', count: each, head: 'POST / HTTP/1.1\r\n', drip: 'X-Slow: a\r\n'.repeat(20) },
    { kind: 'dripped body', count: each, head: announced, drip: 'x'.repeat(200) },
    { kind: 'stalled body', count: each, head: `${announced}{"a":` },
    {
      kind: 'stalled chunked body',
      count: each,
      head: `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n`,
    },
    { kind: 'idle', count: 1000, head: '' },
  ]
}

function assertClosedInTime(bed: FaultBed, { kind, closed, slowestMs, answers }: SlowEnd): void {
  bed.note(`${kind}: closed after at most, s`, slowestMs / 1000)
  assert.equal(closed, kind === 'idle' ? 1000 : each, `${kind}: ${closed} were closed`)
  // The time limit, a look at the connections every second at most, a second to read the rest of a body.
  const limitMs = kind === 'idle' ? limits.headersMs + 1000 : limits.bodyMs + 2000
  assert.ok(slowestMs < limitMs + busyMs, `${kind}: ${slowestMs} ms`)
  if (kind === 'idle') return
  assert.equal(answers.length, 1, `${kind}: ${answers.join(', ')}`)
  assert.match(answers[0] ?? '', /^HTTP\/1\.1 408 /, kind)
}
