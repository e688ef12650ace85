import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { BodyMemory, heldBodyBytes } from '../../../src/core/body-memory.ts'
import { EventBounds } from '../../../src/core/event-bounds.ts'
import { scanArray } from '../../../src/core/json-array.ts'
import { splitLines } from '../../../src/core/json-lines.ts'
import { structureFault, unjudged } from '../../../src/core/json-scan.ts'
import { bodyModulePath, compileBodyModule } from '../../support/body-module.ts'

const memory = new BodyMemory()

test('the bytes of the module are what its source compiles to', async () => {
  assert.equal(readFileSync(bodyModulePath, 'utf8'), await compileBodyModule())
})

/** What the body is made of: everything that means something to a scan, and runs that reach over blocks of 64 bytes. */
const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('"', '\\', '{', '}', '[', ']', '\n', '\r', ',', ':', ' ', '\t') },
  { weight: 4, arbitrary: fc.constantFrom('{"a":1}', '{"b":[1,{}]}', '"x"', '\\"', '\\\\', '\r\n', '[]') },
  { weight: 1, arbitrary: fc.constantFrom('\u0000', '\u001f', '\u007f', '\u0080', '\u00ff', 'Y', '_', 'y') },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('\\', 'x', ' ', '"', '{}', '\u00e9', '['), fc.integer({ min: 1, max: 140 }))
      .map(([text, times]) => text.repeat(times)),
  },
)
const anyBody = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
/** Sound events in which a few bytes were replaced. */
const spoiledBody = fc
  .tuple(
    fc.array(fc.jsonValue(), { minLength: 1, maxLength: 12 }),
    fc.constantFrom('\n', '\r\n', ',', ' ,\n', '\n\n'),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'"\\{}[]\n\r ,y\u0001\u00e9')), { maxLength: 3 }),
  )
  .map(([values, separator, spoils]) => {
    const body = Buffer.from(values.map((value) => JSON.stringify(value)).join(separator))
    for (const [at, byte] of spoils) body.write(byte, at % body.length, 'latin1')
    return body
  })
/** Lines that begin and end like sound ones, with little between. */
const bracketedLines = fc
  .array(
    fc
      .tuple(
        fc.constantFrom('{}', '[]', '{]'),
        fc.array(
          fc.constantFrom('"', '\\', '\\"', ' ', 'x'.repeat(60), '\r', '{}', '\u007f', '\u0001', 'y'),
          {
            maxLength: 4,
          },
        ),
      )
      .map(([brackets, inner]) => `${brackets[0]}${inner.join('')}${brackets[1]}`),
    { maxLength: 20 },
  )
  .map((lines) => Buffer.from(lines.join('\n')))
const bodies = fc.oneof(anyBody, spoiledBody, bracketedLines)
const depths = fc.integer({ min: 1, max: 6 })

function found(bounds: EventBounds): number[][] {
  return Array.from({ length: bounds.count }, (_, index) => [
    bounds.pairs[2 * index] ?? -1,
    bounds.pairs[2 * index + 1] ?? -1,
    bounds.faults[index] ?? -1,
  ])
}

function linesByModule(body: Buffer, maxDepth: number, maxEvents: number) {
  const bounds = new EventBounds()
  assert.ok(memory.load(body))
  const done = memory.scanLines(maxDepth, maxEvents, bounds)
  const whole = splitLines(body, maxEvents, bounds, done)
  const events = found(bounds)
  const judged = events.map(([start = 0, end = 0, fault]) => [
    start,
    end,
    fault === unjudged ? structureFault(body, start, end, maxDepth) : fault,
  ])
  return { whole, events, judged }
}

function linesByScript(body: Buffer, maxDepth: number, maxEvents: number) {
  const bounds = new EventBounds()
  const whole = splitLines(body, maxEvents, bounds)
  const judged = found(bounds).map(([start = 0, end = 0]) => [
    start,
    end,
    structureFault(body, start, end, maxDepth),
  ])
  return { whole, judged }
}

test('lines: the module finds what the script finds, and calls nothing sound that is not', () => {
  fc.assert(
    fc.property(bodies, depths, fc.integer({ min: 1, max: 80 }), (body, maxDepth, maxEvents) => {
      const { whole, judged } = linesByModule(body, maxDepth, maxEvents)
      assert.deepEqual({ whole, judged }, linesByScript(body, maxDepth, maxEvents))
    }),
    { numRuns: 3000 },
  )
})

test('lines: every sound object or array is proven without the script', () => {
  const values = fc.array(fc.oneof(fc.object(), fc.array(fc.jsonValue())), { maxLength: 20 })
  fc.assert(
    fc.property(values, fc.constantFrom('\n', '\r\n', ' \r\n \t'), (values, separator) => {
      const body = Buffer.from(values.map((value) => JSON.stringify(value)).join(separator))
      const { events } = linesByModule(body, 1024, 100)
      assert.equal(events.length, values.length)
      assert.ok(
        events.every(([, , fault]) => fault === 0),
        JSON.stringify(body.toString()),
      )
    }),
  )
})

test('array: the module and the script end the same way with the same elements', () => {
  fc.assert(
    fc.property(bodies, depths, fc.integer({ min: 1, max: 40 }), fc.boolean(), (inner, ...rest) => {
      const [maxDepth, maxEvents, close] = rest
      const body = Buffer.concat([Buffer.from('[ '), inner, Buffer.from(close ? ']\n' : '')])
      const byModule = new EventBounds()
      const byScript = new EventBounds()
      assert.ok(memory.load(body))
      assert.equal(
        scanArray(body, 0, body.length, { maxDepth, maxEvents }, byModule, memory),
        scanArray(body, 0, body.length, { maxDepth, maxEvents }, byScript),
      )
      assert.deepEqual(found(byModule), found(byScript))
    }),
    { numRuns: 3000 },
  )
})

test('more events than the module notes at once, up to the largest body it holds', () => {
  const lines = Buffer.from('{"a":"b"}\r\n'.repeat(9000))
  const { events } = linesByModule(lines, 4, 10_000)
  assert.equal(events.length, 9000)
  assert.deepEqual(events.at(-1), [lines.length - 11, lines.length - 2, 0])
  assert.equal(linesByModule(lines, 4, 8999).whole, false)

  const array = Buffer.from(`[${'{"a":[]} , '.repeat(8999)}{}]`)
  const bounds = new EventBounds()
  assert.ok(memory.load(array))
  assert.equal(
    scanArray(array, 0, array.length, { maxDepth: 4, maxEvents: 9000 }, bounds, memory),
    'complete',
  )
  assert.equal(bounds.count, 9000)

  const largest = Buffer.alloc(heldBodyBytes, 'x')
  largest.write('{"', 0)
  largest.write('"}', heldBodyBytes - 2)
  assert.deepEqual(linesByModule(largest, 4, 10).events, [[0, heldBodyBytes, 0]])
  assert.equal(memory.load(Buffer.alloc(heldBodyBytes + 1)), false)
  assert.equal(memory.holds(largest), false)
})

test('what an earlier, longer body left behind is not read', () => {
  memory.load(Buffer.from('}'.repeat(1000)))
  assert.deepEqual(linesByModule(Buffer.from('{"open":1'), 4, 10).events, [[0, 9, unjudged]])
  memory.load(Buffer.from('"'.repeat(1000)))
  assert.deepEqual(linesByModule(Buffer.from('{"open":"\\'), 4, 10).events, [[0, 10, unjudged]])
})
