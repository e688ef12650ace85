import type { BodyMemory } from './body-memory.ts'
import type { EventBounds } from './event-bounds.ts'
import { type ScanFault, scanFault, scanValue, skipSpace } from './json-scan.ts'

/** How the search for the elements of an array ended. */
export type ArrayEnd =
  | 'complete'
  /** The body ended inside the array. */
  | 'unfinished'
  /** A bracket of the wrong kind: nobody can say where the elements end. */
  | 'mismatched'
  /** Something follows the closing bracket. */
  | 'trailing'
  | 'too-many'

export interface ArrayLimits {
  readonly maxDepth: number
  readonly maxEvents: number
}

/**
 * Adds the elements of the array that begins at `from` (its `[`), without the white space around them; `end` is the end of the
 * body. An element that is not a sound value is added with its fault as long as its end can be found; then the search goes on
 * behind it. One pass over the bytes when all elements are sound. Stops with `too-many` after `maxEvents`. With a `memory` that
 * holds these very bytes, sound elements are found there as long as they are brackets.
 */
export function scanArray(
  bytes: Uint8Array,
  from: number,
  end: number,
  limits: ArrayLimits,
  bounds: EventBounds,
  memory?: BodyMemory,
): ArrayEnd {
  bounds.scanned = true
  const first = skipSpace(bytes, from + 1, end)
  if (bytes[first] === closing && first < end) return endOfBody(bytes, first + 1, end)
  if (memory === undefined) return scanElements(bytes, first, end, limits, bounds)
  const { at, closed } = memory.scanElements(first, limits.maxDepth, limits.maxEvents, bounds)
  return closed ? endOfBody(bytes, at + 1, end) : scanElements(bytes, at, end, limits, bounds)
}

/** The same from the first byte of an element on, the one that is behind a comma and white space. */
function scanElements(
  bytes: Uint8Array,
  from: number,
  end: number,
  limits: ArrayLimits,
  bounds: EventBounds,
): ArrayEnd {
  let at = from
  while (at < end) {
    if (bounds.count === limits.maxEvents) return 'too-many'
    const start = at
    let after = scanValue(bytes, start, end, limits.maxDepth)
    if (after >= 0) {
      at = skipSpace(bytes, after, end)
      const next = bytes[at]
      if (at < end && next !== comma && next !== closing) after = scanFault.trailing
    }
    if (after >= 0) {
      bounds.add(start, after)
    } else {
      at = elementEnd(bytes, start, end)
      if (at < 0) return at === scanFault.unfinished ? 'unfinished' : 'mismatched'
      bounds.add(start, lastByte(bytes, start, at), after as ScanFault)
    }
    if (at >= end) return 'unfinished'
    if (bytes[at] === closing) return endOfBody(bytes, at + 1, end)
    at = skipSpace(bytes, at + 1, end)
  }
  return 'unfinished'
}

const comma = 0x2c
const closing = 0x5d

function endOfBody(bytes: Uint8Array, from: number, end: number): ArrayEnd {
  return skipSpace(bytes, from, end) === end ? 'complete' : 'trailing'
}

/**
 * The offset of the `,` or `]` behind an unsound element, or a `scanFault`. Kinds of brackets are kept down to
 * `trackedDepth` only and merely counted below it, so that depth costs no memory.
 */
function elementEnd(bytes: Uint8Array, from: number, end: number): number {
  let depth = 0
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at] as number
    if (byte === 0x22) {
      at = stringEnd(bytes, at + 1, end)
      if (at < 0) return scanFault.unfinished
    } else if (depth === 0 && (byte === comma || byte === closing)) {
      return at
    } else if (byte === 0x7b || byte === 0x5b) {
      if (depth < trackedDepth) opened[depth] = byte
      depth += 1
    } else if (byte === 0x7d || byte === closing) {
      depth -= 1
      if (depth < 0 || (depth < trackedDepth && opened[depth] !== byte - 2)) return scanFault.mismatched
    }
  }
  return scanFault.unfinished
}

const trackedDepth = 4096
const opened = new Uint8Array(trackedDepth)

/** The offset of the closing quote, or −1. */
function stringEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at]
    if (byte === 0x22) return at
    if (byte === 0x5c) at += 1
  }
  return -1
}

function lastByte(bytes: Uint8Array, from: number, end: number): number {
  let at = end
  while (at > from && skipSpace(bytes, at - 1, at) === at) at -= 1
  return at
}
