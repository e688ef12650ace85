import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { closeAccounts, eventsInFlight } from '../../../../src/proxy/workers/lost-events.ts'
import { type Figures, mergeFigures, retireFigures } from '../../../../src/telemetry/figures.ts'

const topics = ['a', 'b'] as const
type Topic = (typeof topics)[number]
type Counts = Record<Topic, { received: number; delivered: number; rejected: number }>

const fresh = (): Counts => ({
  a: { received: 0, delivered: 0, rejected: 0 },
  b: { received: 0, delivered: 0, rejected: 0 },
})

function figuresOf(counts: Counts): Figures {
  const inFlight = topics.map((topic) => {
    const { received, delivered, rejected } = counts[topic]
    return received - delivered - rejected
  })
  const outcome = (topic: Topic, word: string, value: number) => ({
    labels: { topic, outcome: word, reason: '' },
    value,
  })
  return [
    {
      name: 'forebay_events_received_total',
      help: '',
      type: 'counter',
      values: topics.map((topic) => ({ labels: { topic }, value: counts[topic].received })),
    },
    {
      name: 'forebay_events_outcome_total',
      help: '',
      type: 'counter',
      values: topics.flatMap((topic) => [
        outcome(topic, 'delivered', counts[topic].delivered),
        outcome(topic, 'rejected', counts[topic].rejected),
      ]),
    },
    {
      name: 'forebay_events_in_flight',
      help: '',
      type: 'gauge',
      values: [{ labels: {}, value: inFlight.reduce((sum, one) => sum + one, 0) }],
    },
  ]
}

const sum = (figures: Figures, name: string) =>
  figures.find((figure) => figure.name === name)?.values.reduce((total, { value }) => total + value, 0) ?? 0

/** By counter and labels. */
function counters(figures: Figures): Map<string, number> {
  const rows = figures
    .filter(({ type }) => type === 'counter')
    .flatMap(({ name, values }) =>
      values.map(({ labels, value }) => [name + JSON.stringify(labels), value] as const),
    )
  return new Map(rows)
}

const step = fc.record({
  worker: fc.nat(2),
  topic: fc.constantFrom(...topics),
  received: fc.nat(50),
  settled: fc.nat(50),
  does: fc.constantFrom('report', 'count', 'die'),
})

test('whatever workers do and whenever they die: sums are conserved, and no counter goes backwards', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const workers = [0, 1, 2].map(() => ({ counts: fresh(), reported: [] as Figures }))
      let retired: Figures = []
      let before = new Map<string, number>()
      for (const { worker: index, topic, received, settled, does } of steps) {
        const worker = workers[index]
        assert.ok(worker)
        const counts = worker.counts[topic]
        counts.received += received
        const ends = Math.min(settled, counts.received - counts.delivered - counts.rejected)
        counts.delivered += Math.ceil(ends / 2)
        counts.rejected += Math.floor(ends / 2)
        if (does === 'report') worker.reported = figuresOf(worker.counts)
        if (does === 'die') {
          retired = retireFigures(retired, closeAccounts(worker.reported))
          workers[index] = { counts: fresh(), reported: [] }
        }
        const living = workers.map(({ reported }, number) => ({ worker: String(number), figures: reported }))
        const whole = mergeFigures([...living, { worker: '', figures: retired }])
        assert.equal(
          sum(whole, 'forebay_events_received_total'),
          sum(whole, 'forebay_events_outcome_total') + sum(whole, 'forebay_events_in_flight'),
        )
        const now = counters(whole)
        for (const [row, value] of before) assert.ok((now.get(row) ?? 0) >= value, `${row} was ${value}`)
        before = now
      }
    }),
  )
})

test('the sum over workers is the sum of the parts', () => {
  const part = fc.record({ received: fc.nat(), delivered: fc.nat(), rejected: fc.nat() })
  fc.assert(
    fc.property(fc.array(fc.record({ a: part, b: part }), { minLength: 1, maxLength: 8 }), (parts) => {
      const whole = mergeFigures(
        parts.map((counts, index) => ({ worker: String(index), figures: figuresOf(counts) })),
      )
      const received = parts.reduce((total, { a, b }) => total + a.received + b.received, 0)
      assert.equal(sum(whole, 'forebay_events_received_total'), received)
    }),
  )
})

test('what a dead worker had in flight is dropped{worker-died}, by topic', () => {
  const counts = fresh()
  counts.a = { received: 10, delivered: 6, rejected: 1 }
  counts.b = { received: 5, delivered: 5, rejected: 0 }
  const figures = figuresOf(counts)
  assert.deepEqual(Object.fromEntries(eventsInFlight(figures)), { a: 3, b: 0 })
  const closed = closeAccounts(figures)
  assert.deepEqual(Object.fromEntries(eventsInFlight(closed)), { a: 0, b: 0 })
  const dropped = closed[1]?.values.filter(({ labels }) => labels.outcome === 'dropped')
  assert.deepEqual(dropped, [{ labels: { topic: 'a', outcome: 'dropped', reason: 'worker-died' }, value: 3 }])
})
