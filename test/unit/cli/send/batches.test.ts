import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  bodiesOfArguments,
  bodiesOfLines,
  generatedBodies,
  generatedEvent,
  type RequestBody,
} from '../../../../src/cli/send/batches.ts'

const limits = { maxEvents: 3, maxBytes: 200 }

async function* chunked(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0
  for (let index = 0; start < bytes.length; index += 1) {
    const size = Math.max(1, sizes[index % Math.max(1, sizes.length)] ?? 1)
    yield bytes.subarray(start, start + size)
    start += size
  }
}

async function collect(bodies: AsyncIterable<RequestBody>): Promise<RequestBody[]> {
  const all: RequestBody[] = []
  for await (const body of bodies) all.push(body)
  return all
}

describe('batches of lines', () => {
  const line = fc.stringMatching(/^[^\n\r\t ][^\n]{0,80}$/)

  test('every line comes out once, in order, byte for byte, however the input is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        fc.boolean(),
        async (lines, sizes, live, endsWithBreak) => {
          const text = lines.join('\n') + (endsWithBreak ? '\n' : '')
          const bodies = await collect(bodiesOfLines(chunked(Buffer.from(text), sizes), limits, live))
          const got = bodies.map((body) => body.bytes.toString()).join('')
          assert.equal(got, lines.map((one) => `${one}\n`).join(''))
          assert.equal(
            bodies.reduce((sum, body) => sum + body.events, 0),
            lines.length,
          )
          for (const body of bodies) {
            assert.ok(body.events <= limits.maxEvents)
            assert.ok(body.bytes.length <= limits.maxBytes || body.events === 1)
          }
        },
      ),
    )
  })

  test('blank lines are left out; live input is not held back', async () => {
    const source = (async function* () {
      yield Buffer.from('1\n\n \r\n2\n')
      yield Buffer.from('3')
    })()
    const live = await collect(bodiesOfLines(source, limits, true))
    assert.deepEqual(
      live.map((body) => body.bytes.toString()),
      ['1\n2\n', '3\n'],
    )
  })
})

describe('arguments', () => {
  const bodies = (events: string[], opaque?: string) =>
    [...bodiesOfArguments(events, limits, opaque)].map((body) => [body.contentType, body.bytes.toString()])

  test('one is JSON, several are NDJSON, one with a line break travels alone, opaque ones as they are', () => {
    assert.deepEqual(bodies(['{}']), [['application/json', '{}']])
    assert.deepEqual(bodies(['1', '2']), [['application/x-ndjson', '1\n2\n']])
    assert.deepEqual(bodies(['{\n}', '2']), [
      ['application/json', '{\n}'],
      ['application/json', '2'],
    ])
    assert.deepEqual(bodies(['a', 'b'], 'text/plain'), [
      ['text/plain', 'a'],
      ['text/plain', 'b'],
    ])
  })
})

describe('generated events', () => {
  test('are JSON of the asked size, with distinct ids', async () => {
    for (const size of [60, 100, 300, 5000]) {
      const event = generatedEvent('run', 7, size)
      assert.equal(event.length, size)
      assert.equal((JSON.parse(event) as { id: string }).id, 'run-7')
    }
    assert.equal(generatedEvent('run', 7, 0), '{"id":"run-7"}')
    const generation = { count: 10, ratePerSecond: undefined, eventBytes: 80, batchEvents: 4, runId: 'r' }
    const bodies = await collect(generatedBodies(generation, new AbortController().signal))
    assert.deepEqual(
      bodies.map((body) => body.events),
      [4, 4, 2],
    )
    const ids = bodies.flatMap((body) =>
      body.bytes
        .toString()
        .trim()
        .split('\n')
        .map((event) => (JSON.parse(event) as { id: string }).id),
    )
    assert.equal(new Set(ids).size, 10)
  })
})
