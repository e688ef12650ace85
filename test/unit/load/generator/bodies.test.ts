import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Body, type BodyFormat, buildBodies } from '../../../../load/generator/bodies.ts'
import { fixedEvents, realEvents } from '../../../../load/generator/event-source.ts'
import { Arrivals } from '../../../../load/verify/arrivals.ts'
import { MultisetDigest } from '../../../../load/verify/multiset-digest.ts'

function eventsOf(format: BodyFormat, { bytes }: Body): string[] {
  const text = bytes.toString()
  if (format === 'single') return [text]
  if (format === 'array') return (JSON.parse(text) as unknown[]).map((event) => JSON.stringify(event))
  assert.ok(text.endsWith('\n'))
  return text.slice(0, -1).split('\n')
}

describe('the bodies', () => {
  for (const format of ['ndjson', 'array', 'single'] as const) {
    test(`${format}: every event once, of the asked size, as JSON, told by the digests`, () => {
      const options = { run: 'r', first: 5, events: 23, format, eventsPerBody: 10, source: fixedEvents(90) }
      const bodies = buildBodies(options)
      assert.deepEqual(
        bodies.map(({ first, events }) => [first, events]),
        format === 'single'
          ? Array.from({ length: 23 }, (_, index) => [index + 5, 1])
          : [
              [5, 10],
              [15, 10],
              [25, 3],
            ],
      )
      const arrivals = new Arrivals('r', 28, 23)
      const digest = new MultisetDigest()
      for (const body of bodies) {
        digest.merge(body.digest)
        for (const event of eventsOf(format, body)) {
          assert.equal(event.length, 90)
          JSON.parse(event)
          arrivals.add(Buffer.from(event))
        }
      }
      assert.deepEqual([arrivals.distinct, arrivals.duplicates, arrivals.strange], [23, 0, 0])
      assert.ok(arrivals.digest.equals(digest))
    })
  }

  test('real events are one line of JSON each, the same for the same number, of many sizes', () => {
    const source = realEvents()
    const texts = Array.from({ length: 300 }, (_, index) => source('r', index))
    assert.deepEqual(
      texts.slice(0, 20),
      Array.from({ length: 20 }, (_, index) => source('r', index)),
    )
    for (const [index, text] of texts.entries()) {
      assert.ok(!text.includes('\n'))
      assert.equal((JSON.parse(text) as { id: string }).id, `r-${String(index).padStart(8, '0')}`)
    }
    assert.ok(new Set(texts.map((text) => text.length)).size > 20)
    assert.ok(texts.some((text) => text.length > 2000) && texts.some((text) => text.length < 200))
  })
})
