import { flightRecords, webhookPayloads } from '../demo/datasets.ts'
import { eventId } from '../verify/arrivals.ts'
import { seededRandom } from './random.ts'

/** The text of event `index` of a run: one line of JSON that begins with its unique id. */
export type EventSource = (run: string, index: number) => string

/** Exactly `eventBytes` long (64 at least). */
export function fixedEvents(eventBytes: number): EventSource {
  let padding: string | undefined
  return (run, index) => {
    const head = `{"id":"${eventId(run, index)}","pad":"`
    padding ??= `${'x'.repeat(Math.max(0, eventBytes - head.length - 2))}"}`
    return head + padding
  }
}

/**
 * Sizes and contents of the demo's real data: GitHub webhook payloads (kilobytes) as often as `webhookShare` says and flight records
 * (some 50 bytes) otherwise, each wrapped as the demo does. The same index is always the same event.
 */
export function realEvents(webhookShare = 0.1): EventSource {
  const webhooks = webhookPayloads()
  const flights = flightRecords()
  return (run, index) => {
    const random = seededRandom(index)
    const values = random() < webhookShare ? webhooks : flights
    const data = values[Math.floor(random() * values.length)] ?? 'null'
    return `{"id":"${eventId(run, index)}","at":"2026-01-01T00:00:00.000Z","data":${data}}`
  }
}
