import type { EventBounds } from './event-bounds.ts'

/**
 * Adds the lines of an NDJSON body: split at LF, a CR before it is not part of the event, lines of nothing but white space are
 * skipped (semantics "Bodies"). The bytes of a line are not looked at. False when there are more than `maxEvents`. Begins at `from`,
 * where a line does.
 */
export function splitLines(body: Buffer, maxEvents: number, bounds: EventBounds, from = 0): boolean {
  const length = body.length
  let start = from
  while (start < length) {
    let next = body.indexOf(lineFeed, start)
    let end = next
    if (next < 0) {
      next = length
      end = length
    } else if (end > start && body[end - 1] === carriageReturn) {
      end -= 1
    }
    if (end > start && ((body[start] as number) > 0x20 || !isBlank(body, start, end))) {
      if (bounds.count === maxEvents) return false
      bounds.add(start, end)
    }
    start = next + 1
  }
  return true
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

function isBlank(body: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = body[at]
    if (byte !== 0x20 && byte !== 0x09 && byte !== carriageReturn) return false
  }
  return true
}
