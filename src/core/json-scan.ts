/**
 * Finds where a JSON value ends by looking at its brackets and strings only: the `structure` check (semantics "Bodies") and the
 * splitting of arrays. This is the hottest loop of the proxy: no regex, no closure, no object per event. It reads bytes and never
 * changes them. Numbers, words, commas and colons inside brackets are not looked at; that is the `grammar` check (json-grammar.ts).
 */

/** What a scan answers instead of an offset. All are negative, so that `offset < 0` means a fault. */
export const scanFault = {
  /** The bytes ended inside a bracket or a string, or before a value began. */
  unfinished: -1,
  /** A closing bracket of the other kind, or one that nothing opened. */
  mismatched: -2,
  /** Nested deeper than allowed. */
  tooDeep: -3,
  /** A byte that can stand nowhere outside strings (control, not ASCII), or a value that begins with `,` or `:`. */
  misplaced: -4,
  /** Something follows the value. Only from `structureFault`. */
  trailing: -5,
} as const

/** Stands in `EventBounds.faults` where a quicker scan could not prove the event sound: `structureFault` says what it is. */
export const unjudged = 1

/** What stands in `EventBounds.faults`: `unjudged`, 0 when all is well, or one of `scanFault`. */
export type ScanFault = 0 | (typeof scanFault)[keyof typeof scanFault]

/** `maxDepth` may not be larger: the stack of open brackets is made once, at this size. */
export const deepestNesting = 1024

const ordinary = 0
const quote = 1
const open = 2
const close = 3
const space = 4
const separator = 5
const bad = 6

/** What each byte is outside strings. Bytes of 0x80 and more (the byte order mark too) stand in strings only. */
const classes = new Uint8Array(256).fill(bad, 0, 0x20).fill(bad, 0x7f)
for (const byte of Buffer.from(' \t\r\n')) classes[byte] = space
for (const byte of Buffer.from(',:')) classes[byte] = separator
for (const byte of Buffer.from('{[')) classes[byte] = open
for (const byte of Buffer.from('}]')) classes[byte] = close
classes[0x22] = quote

/** Open brackets of the scan that runs: one at a time, as the scan never waits. */
const stack = new Uint8Array(deepestNesting + 1)

/** The first offset at or after `from` that is not JSON white space; `end` when there is none. */
export function skipSpace(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && classes[bytes[at] as number] === space) at += 1
  return at
}

/** The offset after the last byte before `end` that is not JSON white space; `from` when there is none. */
export function trimEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = end
  while (at > from && classes[bytes[at - 1] as number] === space) at -= 1
  return at
}

/**
 * The offset after the value that begins at `from` (no white space before it), or a `scanFault`. A value is a balanced bracket, a
 * string, or a run of other bytes up to the next space, quote, bracket, comma or colon. `{}` has depth 1, a string has depth 0.
 */
export function scanValue(bytes: Uint8Array, from: number, end: number, maxDepth: number): number {
  let at = from
  let depth = 0
  while (at < end) {
    const byte = bytes[at] as number
    const kind = classes[byte] as number
    at += 1
    if (kind === quote) {
      // Byte by byte on purpose: two or four bytes a turn, words and native search were all measured, and none was faster.
      for (;;) {
        if (at >= end) return scanFault.unfinished
        const inside = bytes[at] as number
        at += 1
        if (inside === 0x22) break
        if (inside === 0x5c) at += 1
      }
      if (depth === 0) return at
    } else if (kind === open) {
      if (depth >= maxDepth) return scanFault.tooDeep
      depth += 1
      stack[depth] = byte + 2
    } else if (kind === close) {
      if (depth === 0 || stack[depth] !== byte) return scanFault.mismatched
      depth -= 1
      if (depth === 0) return at
    } else if (kind === bad) {
      return scanFault.misplaced
    } else if (depth === 0) {
      if (kind !== ordinary) return scanFault.misplaced
      return scanRun(bytes, at, end)
    }
  }
  return scanFault.unfinished
}

/** The rest of a number, `true`, `false`, `null` or anything that looks like one. */
function scanRun(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && classes[bytes[at] as number] === ordinary) at += 1
  return at
}

/** The `structure` check of one whole event, white space around it allowed: 0 when it passes. */
export function structureFault(bytes: Uint8Array, from: number, end: number, maxDepth: number): ScanFault {
  const start = skipSpace(bytes, from, end)
  const after = scanValue(bytes, start, end, maxDepth)
  if (after === end) return 0
  if (after < 0) return after as ScanFault
  if (skipSpace(bytes, after, end) === end) return 0
  return scanFault.trailing
}
