import { type BodyMemory, sharedBodyMemory } from '../../core/body-memory.ts'
import type { EventBounds } from '../../core/event-bounds.ts'
import { type ArrayEnd, scanArray } from '../../core/json-array.ts'
import { splitLines } from '../../core/json-lines.ts'
import { skipSpace, trimEnd } from '../../core/json-scan.ts'
import { Problem } from '../../core/problems.ts'
import type { BodyFormat } from './media-type.ts'

/** So many events in one body take 9 MiB of offsets; a body of 32 MiB reaches it with events of 32 bytes. */
export const maxEventsPerBody = 1_048_576

/**
 * Finds the events of a body and adds their bounds (semantics "Bodies"). Throws when the body as a whole is bad: empty JSON, an array
 * whose end cannot be found, too many events. A bad event is not looked for here, but sound ones may be known to be. Lines and arrays
 * stay in the shared body memory until somebody forgets it.
 */
export function splitBody(body: Buffer, format: BodyFormat, maxDepth: number, bounds: EventBounds): void {
  bounds.clear()
  if (format === 'opaque') bounds.add(0, body.length)
  else if (format === 'lines') splitNdjson(body, maxDepth, bounds, loaded(body))
  else splitJson(body, maxDepth, bounds)
}

/** The shared body memory, when it holds the body now. A single value is not worth its copy. */
function loaded(body: Buffer): BodyMemory | undefined {
  const memory = sharedBodyMemory()
  return memory?.load(body) === true ? memory : undefined
}

/** Lets go of the body that `splitBody` keeps in the shared body memory. */
export function forgetBody(): void {
  sharedBodyMemory()?.forget()
}

function splitNdjson(
  body: Buffer,
  maxDepth: number,
  bounds: EventBounds,
  memory: BodyMemory | undefined,
): void {
  const done = memory?.scanLines(maxDepth, maxEventsPerBody, bounds) ?? 0
  if (!splitLines(body, maxEventsPerBody, bounds, done)) throw tooMany()
}

function splitJson(body: Buffer, maxDepth: number, bounds: EventBounds): void {
  const start = skipSpace(body, 0, body.length)
  if (start === body.length) throw new Problem('empty-body', 'There is no JSON value in the body.')
  if (body[start] !== openBracket) {
    bounds.add(start, trimEnd(body, start, body.length))
    return
  }
  const limits = { maxDepth, maxEvents: maxEventsPerBody }
  const end = scanArray(body, start, body.length, limits, bounds, loaded(body))
  if (end === 'too-many') throw tooMany()
  if (end !== 'complete') {
    throw new Problem(
      'invalid-body',
      `The JSON array is broken after ${bounds.count} elements: ${arrayFaults[end]}.`,
    )
  }
}

const openBracket = 0x5b

const arrayFaults: Readonly<Record<Exclude<ArrayEnd, 'complete' | 'too-many'>, string>> = {
  unfinished: 'the body ends before the array does',
  mismatched: 'a bracket closes what was not opened',
  trailing: 'something follows its end',
}

function tooMany(): Problem {
  return new Problem('too-large', `The body has more than ${maxEventsPerBody} events; send fewer at once.`)
}
