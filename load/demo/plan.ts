import { flightRecords, webhookPayloads } from './datasets.ts'
import { type DemoEvent, type DemoTopic, topicOf, topics, wrap } from './parcels.ts'

/** What one run of the demo sends. */
export interface DemoPlan {
  readonly run: string
  readonly webhooks: number
  readonly flights: number
  readonly total: number
  /** Events of each topic. */
  readonly wanted: Readonly<Record<DemoTopic, number>>
  /** Made one by one while they are sent. */
  events(): Generator<DemoEvent>
}

/** All webhook payloads and flights; with a `limit` at most a quarter of it webhooks. */
export function planDemo(run: string, limit = Number.POSITIVE_INFINITY): DemoPlan {
  const payloads = webhookPayloads()
  const records = flightRecords()
  const webhooks = Math.min(payloads.length, Math.ceil(limit / 4))
  const flights = Math.min(records.length, limit - webhooks)
  const parts = [
    { kind: 'webhook', values: payloads.slice(0, webhooks) },
    { kind: 'flight', values: records.slice(0, flights) },
  ] as const
  const wanted: Record<DemoTopic, number> = { 'sample.events': 0, 'sample.orders': 0 }
  for (const { kind, values } of parts) for (const index of values.keys()) wanted[topicOf(kind, index)] += 1
  return {
    run,
    webhooks,
    flights,
    total: topics.reduce((sum, topic) => sum + wanted[topic], 0),
    wanted,
    *events() {
      let number = 0
      for (const { kind, values } of parts) {
        for (const [index, value] of values.entries()) {
          yield { topic: topicOf(kind, index), bytes: wrap(run, number, new Date().toISOString(), value) }
          number += 1
        }
      }
    },
  }
}
