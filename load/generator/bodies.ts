import { eventId } from '../verify/arrivals.ts'
import type { MultisetDigest } from '../verify/multiset-digest.ts'

export interface BodiesOptions {
  readonly run: string
  /** Running number of the first event. */
  readonly first: number
  readonly events: number
  /** Each event is exactly this long (40 at least). */
  readonly eventBytes: number
  readonly eventsPerBody: number
}

/** One pre-encoded NDJSON body. */
export interface Body {
  readonly bytes: Buffer
  readonly events: number
}

/**
 * NDJSON bodies of made-up events, encoded before the clock starts: the generator then only writes bytes. `digest`, when given, takes
 * every event.
 */
export function buildBodies(options: BodiesOptions, digest?: MultisetDigest): Body[] {
  const { run, first, events, eventBytes, eventsPerBody } = options
  const head = `{"id":"${eventId(run, first)}","pad":"`
  const padding = `${'x'.repeat(Math.max(0, eventBytes - head.length - 2))}"}`
  const bodies: Body[] = []
  for (let start = 0; start < events; start += eventsPerBody) {
    const count = Math.min(eventsPerBody, events - start)
    const bytes = Buffer.allocUnsafe(count * (head.length + padding.length + 1))
    let at = 0
    for (let index = first + start; index < first + start + count; index += 1) {
      const event = `{"id":"${eventId(run, index)}","pad":"${padding}`
      const end = at + bytes.write(event, at, 'latin1')
      digest?.add(bytes.subarray(at, end))
      bytes[end] = 10
      at = end + 1
    }
    bodies.push({ bytes, events: count })
  }
  return bodies
}
