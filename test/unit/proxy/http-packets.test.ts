import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rows, rowTopics } from './http-event-rows.ts'
import { raw, startTestProxy, type TestProxy } from './http-support.ts'

let proxy: TestProxy

before(async () => {
  proxy = await startTestProxy(rowTopics)
})

after(() => proxy.close())

interface Seen {
  readonly status: string
  /** By lower-case name, without what differs from answer to answer. */
  readonly headers: Record<string, string>
  readonly body: string
  readonly events: readonly string[]
}

/** The answer to a request on a connection of its own, and what was taken of it. */
async function ask(parts: readonly Buffer[]): Promise<Seen> {
  const text = await raw(proxy.port, parts, '}')
  const [head = '', ...body] = text.split('\r\n\r\n')
  const [status = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(': ', 1)[0]?.toLowerCase() ?? '', line.slice(line.indexOf(': ') + 2)]),
  )
  assert.match(headers.date ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
  assert.match(headers['forebay-request-id'] ?? '', /^[0-9a-f]{12}-[0-9a-z]+$/)
  const events = proxy.room.taken.splice(0).flatMap((taken) => taken.events.map(String))
  return { status, headers: { ...headers, date: '', 'forebay-request-id': '' }, body: body.join(), events }
}

for (const row of rows) {
  test(`in one packet as in two: ${row.name}`, async () => {
    const body = Buffer.from(row.body)
    const lines = [
      `POST /v1/topics/${row.topic ?? 't.fast'}/events${row.query ?? ''} HTTP/1.1`,
      'Host: localhost',
      ...Object.entries(row.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${body.length}`,
    ]
    const whole = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body])
    const inOne = await ask([whole])
    assert.deepEqual(inOne, await ask([whole.subarray(0, 20), whole.subarray(20)]))
    assert.equal(inOne.status.split(' ')[1], String(row.status))
    assert.equal(proxy.room.usedBytes, 0, 'all room is given back')
  })
}
