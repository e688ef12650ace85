import type { RequestBody } from '../../src/cli/send/batches.ts'
import { eventId } from '../verify/arrivals.ts'

export const topics = ['sample.events', 'sample.orders'] as const
export type DemoTopic = (typeof topics)[number]

/** One event of the demo on its way. */
export interface DemoEvent {
  readonly topic: DemoTopic
  readonly bytes: Buffer
}

export interface Parcel extends RequestBody {
  readonly topic: DemoTopic
}

/** Every 20th flight is an order; so is every second webhook payload. The rest goes to the fast topic. */
export function topicOf(kind: 'webhook' | 'flight', index: number): DemoTopic {
  return index % (kind === 'webhook' ? 2 : 20) === 0 ? 'sample.orders' : 'sample.events'
}

/** `{"id","at","data"}` around a raw JSON value, which stays as it is (semantics "Tests and figures"). */
export function wrap(run: string, index: number, at: string, data: string): Buffer {
  return Buffer.from(`{"id":"${eventId(run, index)}","at":"${at}","data":${data}}`)
}

/**
 * Packs events into request bodies: per topic NDJSON of 100, but every tenth body is a JSON array, and the last two of a topic travel
 * alone, so that all three ways are walked.
 */
export function* parcels(events: Iterable<DemoEvent>, perBody = 100): Generator<Parcel> {
  const open = new Map<DemoTopic, Buffer[]>(topics.map((topic) => [topic, []]))
  let bodies = 0
  for (const { topic, bytes } of events) {
    const waiting = open.get(topic) ?? []
    waiting.push(bytes)
    if (waiting.length < perBody) continue
    bodies += 1
    yield bodies % 10 === 0 ? arrayBody(topic, waiting) : linesBody(topic, waiting)
    open.set(topic, [])
  }
  for (const [topic, waiting] of open) {
    const alone = waiting.splice(-2)
    if (waiting.length > 0) yield linesBody(topic, waiting)
    for (const bytes of alone) yield { topic, bytes, events: 1, contentType: 'application/json' }
  }
}

function linesBody(topic: DemoTopic, events: readonly Buffer[]): Parcel {
  const bytes = Buffer.concat(events.flatMap((event) => [event, lineBreak]))
  return { topic, bytes, events: events.length, contentType: 'application/x-ndjson' }
}

function arrayBody(topic: DemoTopic, events: readonly Buffer[]): Parcel {
  const parts = events.flatMap((event, index) => [index === 0 ? openBracket : comma, event])
  const bytes = Buffer.concat([...parts, closeBracket])
  return { topic, bytes, events: events.length, contentType: 'application/json' }
}

const lineBreak = Buffer.from('\n')
const openBracket = Buffer.from('[')
const comma = Buffer.from(',')
const closeBracket = Buffer.from(']')
