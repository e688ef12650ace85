import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventBounds } from '../../../src/core/event-bounds.ts'
import { type ArrayEnd, scanArray } from '../../../src/core/json-array.ts'
import { splitLines } from '../../../src/core/json-lines.ts'
import { scanFault, structureFault } from '../../../src/core/json-scan.ts'

const { unfinished, mismatched, tooDeep, misplaced, trailing } = scanFault

const structureTable: readonly (readonly [string, number])[] = [
  ['{}', 0],
  [' {"a": [1, {"b": "]}"}]}\r', 0],
  ['"a string"', 0],
  ['"an escaped quote \\" and a backslash \\\\"', 0],
  ['-12.5e+7', 0],
  ['nope', 0],
  ['{a:1}', 0],
  ['[1 2]', 0],
  ['[[[[]]]]', 0],
  ['[[[[[]]]]]', tooDeep],
  ['', unfinished],
  ['  ', unfinished],
  ['{"a":1', unfinished],
  ['"open', unfinished],
  ['"escaped end\\"', unfinished],
  ['"\\', unfinished],
  ['{"a":"b}', unfinished],
  ['[}', mismatched],
  ['{"a":[1}', mismatched],
  [']', mismatched],
  ['{} {}', trailing],
  ['{},', trailing],
  ['1 2', trailing],
  ['"a" b', trailing],
  ['1,2', trailing],
  [',', misplaced],
  [':1', misplaced],
  ['\ufeff{}', misplaced],
  ['{"a":é}', misplaced],
  ['{"a":\u0001}', misplaced],
  ['{"é":"é"}', 0],
]

test('structure: brackets, strings, depth, nothing after the value', () => {
  for (const [text, expected] of structureTable) {
    const bytes = Buffer.from(`\n${text}\n`)
    assert.equal(structureFault(bytes, 1, bytes.length - 1, 4), expected, JSON.stringify(text))
  }
})

test('structure passes whatever JSON.stringify writes, and no proper prefix of a bracketed value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), (value, cut) => {
      const bytes = Buffer.from(JSON.stringify(value))
      assert.equal(structureFault(bytes, 0, bytes.length, 1024), 0)
      if (typeof value !== 'object' || value === null) return
      assert.equal(structureFault(bytes, 0, cut % bytes.length, 1024), unfinished)
    }),
  )
})

test('a depth of 100,000 is refused without a deep stack', () => {
  const deep = Buffer.from('['.repeat(100_000) + ']'.repeat(100_000))
  assert.equal(structureFault(deep, 0, deep.length, 64), tooDeep)
})

const limits = { maxDepth: 4, maxEvents: 5 }

function elementsOf(text: string): { end: ArrayEnd; elements: string[]; faults: number[] } {
  const bytes = Buffer.from(text)
  const bounds = new EventBounds()
  const end = scanArray(bytes, bytes.indexOf('['), bytes.length, limits, bounds)
  return { end, elements: slices(bytes, bounds), faults: [...bounds.faults.subarray(0, bounds.count)] }
}

function slices(bytes: Buffer, bounds: EventBounds): string[] {
  const texts: string[] = []
  for (let at = 0; at < bounds.count; at += 1) {
    texts.push(bytes.subarray(bounds.pairs[2 * at], bounds.pairs[2 * at + 1]).toString())
  }
  return texts
}

const arrayTable: readonly (readonly [string, ArrayEnd, readonly string[], readonly number[]])[] = [
  ['[]', 'complete', [], []],
  [' [ ] ', 'complete', [], []],
  ['[1,2]', 'complete', ['1', '2'], [0, 0]],
  ['[ {"a": [1, 2]} ,\n"x, ]" ]\n', 'complete', ['{"a": [1, 2]}', '"x, ]"'], [0, 0]],
  ['[1,nope,{a:1}]', 'complete', ['1', 'nope', '{a:1}'], [0, 0, 0]],
  ['[1,,2]', 'complete', ['1', '', '2'], [0, misplaced, 0]],
  ['[1,]', 'complete', ['1', ''], [0, mismatched]],
  ['[1 2 ,3]', 'complete', ['1 2', '3'], [trailing, 0]],
  ['[{} [1,2], 3]', 'complete', ['{} [1,2]', '3'], [trailing, 0]],
  ['[a"b,]",é , 3]', 'complete', ['a"b,]"', 'é', '3'], [trailing, misplaced, 0]],
  ['[[[[[[1,2]]]]],3]', 'complete', ['[[[[[1,2]]]]]', '3'], [tooDeep, 0]],
  ['[1', 'unfinished', ['1'], [0]],
  ['[1,', 'unfinished', ['1'], [0]],
  ['[', 'unfinished', [], []],
  ['["a]', 'unfinished', [], []],
  ['[{"a":1]', 'mismatched', [], []],
  ['[1}', 'mismatched', [], []],
  ['[1] x', 'trailing', ['1'], [0]],
  ['[1],[2]', 'trailing', ['1'], [0]],
  ['[1,2,3,4,5]', 'complete', ['1', '2', '3', '4', '5'], [0, 0, 0, 0, 0]],
  ['[1,2,3,4,5,6]', 'too-many', ['1', '2', '3', '4', '5'], [0, 0, 0, 0, 0]],
]

test('array: elements are found by their structure; a bad one is passed over as long as its end is clear', () => {
  for (const [text, end, elements, faults] of arrayTable) {
    assert.deepEqual(elementsOf(text), { end, elements, faults }, JSON.stringify(text))
  }
})

const separators = fc.constantFrom(',', ' ,', ',\n  ', '\t,\r\n')

test('array: any list of values comes out byte for byte, whatever stands between them', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 50 }), separators, (values, separator) => {
      const texts = values.map((value) => JSON.stringify(value))
      const bytes = Buffer.from(` [ ${texts.join(separator)} ]`)
      const bounds = new EventBounds()
      const wide = { maxDepth: 1024, maxEvents: 1000 }
      assert.equal(scanArray(bytes, 1, bytes.length, wide, bounds), 'complete')
      assert.deepEqual(slices(bytes, bounds), texts)
      assert.ok(bounds.faults.subarray(0, bounds.count).every((fault) => fault === 0))
    }),
  )
})

const linesTable: readonly (readonly [string, readonly string[]])[] = [
  ['', []],
  ['\n\n', []],
  ['{}', ['{}']],
  ['{}\n', ['{}']],
  ['{}\r\n[]\r\n', ['{}', '[]']],
  ['\r\n1\n \t\n2', ['1', '2']],
  [' 1 \n', [' 1 ']],
  ['1\r', ['1\r']],
  ['1\r\r\n', ['1\r']],
]

test('lines: blank ones are skipped, a CR before LF is not part of the event, everything else is', () => {
  for (const [text, expected] of linesTable) {
    const bounds = new EventBounds()
    assert.equal(splitLines(Buffer.from(text), 10, bounds), true)
    assert.deepEqual(slices(Buffer.from(text), bounds), expected, JSON.stringify(text))
  }
})

test('lines: more than the limit are refused, exactly the limit is not', () => {
  assert.equal(splitLines(Buffer.from('1\n2\n3\n\n'), 3, new EventBounds()), true)
  assert.equal(splitLines(Buffer.from('1\n2\n3\n4'), 3, new EventBounds()), false)
})

test('bounds grow past their first size and forget a long request', () => {
  const bounds = new EventBounds()
  for (let at = 0; at < 100_000; at += 1) bounds.add(at, at + 1)
  assert.equal(bounds.pairs[199_999], 100_000)
  bounds.clear()
  assert.equal(bounds.count, 0)
  assert.ok(bounds.pairs.length < 10_000)
})
