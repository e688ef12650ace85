import { deepestNesting } from './json-scan.ts'

/** The answer of `grammarFault` when the nesting is the fault; every other fault is the offset of the byte that is wrong. */
export const tooDeep = -2

/** What may come next. */
const wantValue = 0
const wantValueOrEnd = 1
const wantKey = 2
const wantKeyOrEnd = 3
const wantCommaOrEnd = 4
const done = 5

const endOfObject = 0x7d
/** The closing bracket that each open one waits for: `{` and `[` are two below `}` and `]`. */
const stack = new Uint8Array(deepestNesting + 1)

/**
 * The `grammar` check: the whole of RFC 8259 except UTF-8, which is looked at once for the whole body. Returns −1 when `bytes`
 * from `from` to `end` is exactly one JSON text, the offset of the first byte that is wrong (`end` when it stops too early), or
 * `tooDeep`. Takes what `JSON.parse` takes, and nothing is parsed: no number is read, no key is made.
 */
export function grammarFault(bytes: Uint8Array, from: number, end: number, maxDepth: number): number {
  let at = from
  let want = wantValue
  let depth = 0
  while (at < end) {
    const byte = bytes[at] as number
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      at += 1
      continue
    }
    if (want === done) return at
    const mayEnd = want === wantCommaOrEnd || want === wantKeyOrEnd || want === wantValueOrEnd
    if (mayEnd && byte === stack[depth]) {
      depth -= 1
      at += 1
      want = depth === 0 ? done : wantCommaOrEnd
      continue
    }
    if (want === wantCommaOrEnd) {
      if (byte !== 0x2c) return at
      at += 1
      want = stack[depth] === endOfObject ? wantKey : wantValue
      continue
    }
    if (want === wantKey || want === wantKeyOrEnd) {
      const after = keyAfter(bytes, at, end)
      if (after < 0) return -after - 1
      at = after
      want = wantValue
      continue
    }
    if (byte === 0x7b || byte === 0x5b) {
      if (depth >= maxDepth) return tooDeep
      depth += 1
      at += 1
      stack[depth] = byte + 2
      want = byte === 0x7b ? wantKeyOrEnd : wantValueOrEnd
      continue
    }
    const after = scalarAfter(bytes, at, end, byte)
    if (after < 0) return -after - 1
    at = after
    want = depth === 0 ? done : wantCommaOrEnd
  }
  return want === done ? -1 : end
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** The offset after a key and its colon, or as `scalarAfter`. */
function keyAfter(bytes: Uint8Array, from: number, end: number): number {
  if (bytes[from] !== 0x22) return -from - 1
  let at = stringAfter(bytes, from, end)
  if (at < 0) return at
  while (at < end && isSpace(bytes[at] as number)) at += 1
  return at < end && bytes[at] === 0x3a ? at + 1 : -at - 1
}

const trueWord = Buffer.from('true')
const falseWord = Buffer.from('false')
const nullWord = Buffer.from('null')

/** The offset after the string, number or word at `at`; −(offset of the wrong byte) − 1 when it is none. */
function scalarAfter(bytes: Uint8Array, at: number, end: number, byte: number): number {
  if (byte === 0x22) return stringAfter(bytes, at, end)
  if (byte === 0x2d || isDigit(byte)) return numberAfter(bytes, at, end)
  if (byte === 0x74) return wordAfter(bytes, at, end, trueWord)
  if (byte === 0x66) return wordAfter(bytes, at, end, falseWord)
  if (byte === 0x6e) return wordAfter(bytes, at, end, nullWord)
  return -at - 1
}

function wordAfter(bytes: Uint8Array, from: number, end: number, word: Uint8Array): number {
  for (let index = 1; index < word.length; index += 1) {
    const at = from + index
    if (at >= end || bytes[at] !== word[index]) return -at - 1
  }
  return from + word.length
}

/** RFC 8259 §7: no control characters; a backslash only before `"\/bfnrt` or `u` and four hex digits. Lone surrogates are fine. */
function stringAfter(bytes: Uint8Array, from: number, end: number): number {
  let at = from + 1
  while (at < end) {
    const byte = bytes[at] as number
    if (byte === 0x22) return at + 1
    if (byte < 0x20) return -at - 1
    at += 1
    if (byte !== 0x5c) continue
    const kind = at < end ? (escapes[bytes[at] as number] as number) : 0
    if (kind === 0) return -at - 1
    at += 1
    if (kind === 1) continue
    for (const last = at + 4; at < last; at += 1) {
      if (at >= end || !isHex(bytes[at] as number)) return -at - 1
    }
  }
  return -end - 1
}

/** 1 = a one-letter escape, 2 = `u`. */
const escapes = new Uint8Array(256)
for (const byte of Buffer.from('"\\/bfnrt')) escapes[byte] = 1
escapes[0x75] = 2

/** RFC 8259 §6: `-`? (0 | 1-9 digits) fraction? exponent? Of any length: numbers are never read. */
function numberAfter(bytes: Uint8Array, from: number, end: number): number {
  let at = bytes[from] === 0x2d ? from + 1 : from
  if (at < end && bytes[at] === 0x30) at += 1
  else {
    const after = digitsAfter(bytes, at, end)
    if (after < 0) return after
    at = after
  }
  if (at < end && bytes[at] === 0x2e) {
    const after = digitsAfter(bytes, at + 1, end)
    if (after < 0) return after
    at = after
  }
  if (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at += 1
    if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at += 1
    return digitsAfter(bytes, at, end)
  }
  return at
}

/** One digit at least. */
function digitsAfter(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && isDigit(bytes[at] as number)) at += 1
  return at === from ? -at - 1 : at
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
}
