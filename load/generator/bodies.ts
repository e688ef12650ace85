import { MultisetDigest } from '../verify/multiset-digest.ts'
import type { EventSource } from './event-source.ts'

export const bodyFormats = ['ndjson', 'array', 'single'] as const
export type BodyFormat = (typeof bodyFormats)[number]

export interface BodiesOptions {
  readonly run: string
  /** Running number of the first event. */
  readonly first: number
  readonly events: number
  readonly format: BodyFormat
  /** 1 whatever is said here for `single`. */
  readonly eventsPerBody: number
  readonly source: EventSource
}

/** One pre-encoded request body. */
export interface Body {
  readonly bytes: Buffer
  readonly contentType: string
  /** Running number of its first event; the others follow. */
  readonly first: number
  readonly events: number
  /** Of its events. */
  readonly digest: MultisetDigest
}

/** Bodies with unique events, encoded before the clock starts: the generator then only writes bytes. */
export function buildBodies(options: BodiesOptions): Body[] {
  const { run, first, events, format, source } = options
  const perBody = format === 'single' ? 1 : options.eventsPerBody
  const bodies: Body[] = []
  for (let start = first; start < first + events; start += perBody) {
    const count = Math.min(perBody, first + events - start)
    const digest = new MultisetDigest()
    const texts: string[] = []
    for (let index = start; index < start + count; index += 1) {
      const text = source(run, index)
      digest.add(Buffer.from(text))
      texts.push(text)
    }
    const bytes = Buffer.from(encoders[format](texts))
    bodies.push({ bytes, contentType: contentTypes[format], first: start, events: count, digest })
  }
  return bodies
}

const encoders: Readonly<Record<BodyFormat, (events: readonly string[]) => string>> = {
  ndjson: (events) => `${events.join('\n')}\n`,
  array: (events) => `[${events.join(',')}]`,
  single: ([event = '']) => event,
}

const contentTypes: Readonly<Record<BodyFormat, string>> = {
  ndjson: 'application/x-ndjson',
  array: 'application/json',
  single: 'application/json',
}
