import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { flightRecords, webhookPayloads } from '../../../../load/demo/datasets.ts'
import { type DemoEvent, parcels, topics, wrap } from '../../../../load/demo/parcels.ts'
import { planDemo } from '../../../../load/demo/plan.ts'

describe('the real data of the demo', () => {
  test('726 webhook payloads of one line each', () => {
    const payloads = webhookPayloads()
    assert.equal(payloads.length, 726)
    for (const payload of payloads) {
      assert.ok(!payload.includes('\n'))
      assert.equal(typeof JSON.parse(payload), 'object')
    }
  })

  test('200,000 flight records, as the file has them', () => {
    const records = flightRecords()
    assert.equal(records.length, 200_000)
    assert.equal(records[0], '{"delay":0,"distance":1452,"time":0.0}')
    assert.equal(records.at(-1), '{"delay":0,"distance":1452,"time":23.983333333333334}')
    for (const record of records.slice(0, 1000)) assert.ok('distance' in (JSON.parse(record) as object))
  })

  test('the plan gives every event an id of its own and knows the counts of each topic beforehand', () => {
    for (const limit of [1, 7, 5000]) {
      const plan = planDemo('run', limit)
      const ids = new Set<string>()
      const counts = new Map<string, number>()
      for (const { topic, bytes } of plan.events()) {
        const event = JSON.parse(bytes.toString()) as { id: string; at: string; data: object }
        assert.ok(Number.isFinite(Date.parse(event.at)) && event.data !== undefined)
        ids.add(event.id)
        counts.set(topic, (counts.get(topic) ?? 0) + 1)
      }
      assert.deepEqual([plan.total, ids.size], [limit, limit])
      for (const topic of topics) assert.equal(counts.get(topic) ?? 0, plan.wanted[topic])
    }
    assert.equal(planDemo('run').total, 200_726)
  })
})

describe('parcels', () => {
  test('carry every event once, byte for byte, in lines, arrays and alone', () => {
    const event = fc.record({ topic: fc.constantFrom(...topics), data: fc.json() })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), fc.integer({ min: 1, max: 4 }), (list, perBody) => {
        const sent: DemoEvent[] = list.map(({ topic, data }, index) => ({
          topic,
          bytes: wrap('r', index, '2026-01-01T00:00:00.000Z', data),
        }))
        const seen = new Map<string, string[]>(topics.map((topic) => [topic, []]))
        for (const { topic, bytes, events, contentType } of parcels(sent, perBody)) {
          const text = bytes.toString()
          const found = eventsOf(text, contentType)
          assert.equal(found.length, events)
          seen.get(topic)?.push(...found)
        }
        for (const topic of topics) {
          const wanted = sent.filter((one) => one.topic === topic).map(({ bytes }) => bytes.toString())
          assert.deepEqual(seen.get(topic)?.toSorted(), wanted.toSorted())
        }
      }),
    )
  })
})

function eventsOf(text: string, contentType: string): string[] {
  if (contentType === 'application/x-ndjson') return text.split('\n').slice(0, -1)
  if (!text.startsWith('[')) return [text]
  return text.slice(1, -1).split(/,(?=\{"id":"r-)/)
}
