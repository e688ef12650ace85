import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { grammarFault, tooDeep } from '../../../src/core/json-grammar.ts'
import { structureFault } from '../../../src/core/json-scan.ts'

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'))
    return true
  } catch {
    return false
  }
}

function agree(bytes: Buffer): void {
  const fault = grammarFault(bytes, 0, bytes.length, 1024)
  assert.equal(fault === -1, parses(bytes), JSON.stringify(bytes.toString('latin1')))
  assert.ok(fault === -1 || (fault >= 0 && fault <= bytes.length))
  if (fault === -1) assert.equal(structureFault(bytes, 0, bytes.length, 1024), 0, 'structure takes less')
}

/** Where the first wrong byte is; −1 = none. */
const table: readonly (readonly [string, number])[] = [
  ['{}', -1],
  ['[]', -1],
  [' {"a" : [1, -0.5e-10, true, false, null, "\\u00e9\\n"] }\n', -1],
  ['"\\ud800"', -1],
  ['{"__proto__":1,"__proto__":2}', -1],
  [`1${'0'.repeat(400)}`, -1],
  ['', 0],
  [' ', 1],
  ['nope', 1],
  ['nul', 3],
  ['{a:1}', 1],
  ['{"a" 1}', 5],
  ['{"a":1,}', 7],
  ['{"a"}', 4],
  ['{,}', 1],
  ['{1:2}', 1],
  ['[1,]', 3],
  ['[,1]', 1],
  ['[1 2]', 3],
  ['[1}', 2],
  ['01', 1],
  ['-', 1],
  ['+1', 0],
  ['.5', 0],
  ['1.', 2],
  ['1.e5', 2],
  ['1e', 2],
  ['1e+', 3],
  ['1f', 1],
  ['"\\x"', 2],
  ['"\\u12g4"', 5],
  ['"tab\there"', 4],
  ['"open', 5],
  ['"\\', 2],
  ['{}{}', 2],
  ['\ufeff{}', 0],
]

test('grammar: says where the first wrong byte is', () => {
  for (const [text, expected] of table) {
    const bytes = Buffer.from(text)
    assert.equal(grammarFault(bytes, 0, bytes.length, 64), expected, JSON.stringify(text))
    agree(bytes)
  }
})

test('grammar: depth counts brackets', () => {
  const three = Buffer.from('[{"a":[]}]')
  assert.equal(grammarFault(three, 0, three.length, 3), -1)
  assert.equal(grammarFault(three, 0, three.length, 2), tooDeep)
})

test('grammar agrees with JSON.parse on JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(3), (value, space) =>
      agree(Buffer.from(JSON.stringify(value, null, space))),
    ),
  )
})

test('grammar agrees with JSON.parse on JSON with bytes changed, cut or doubled', () => {
  const likely = Buffer.from('{}[],:"\\ \n\t\r0123456789.eE+-truefalsn/ub\u0000\u001f')
  const change = fc.record({
    at: fc.nat(),
    drop: fc.nat(2),
    byte: fc.constantFrom(...likely),
    add: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
      let bytes = Buffer.from(JSON.stringify(value))
      for (const { at, drop, byte, add } of changes) {
        const place = at % (bytes.length + 1)
        bytes = Buffer.concat([
          bytes.subarray(0, place),
          Buffer.from(add ? [byte] : []),
          bytes.subarray(place + drop),
        ])
      }
      if (isUtf8(bytes)) agree(bytes)
    }),
    { numRuns: 3000 },
  )
})

test('grammar agrees with JSON.parse on short strings of likely bytes', () => {
  const alphabet = fc.constantFrom(...'{}[],:"\\u0123.eE+- \ntrufalsen'.split(''))
  fc.assert(
    fc.property(fc.string({ unit: alphabet, maxLength: 12 }), (text) => agree(Buffer.from(text))),
    { numRuns: 5000 },
  )
})
