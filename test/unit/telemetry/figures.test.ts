import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gauge, Registry } from 'prom-client'
import { type Figures, mergeFigures, printFigures, readFigures } from '../../../src/telemetry/figures.ts'
import { plainHistogram } from '../../../src/telemetry/plain-histogram.ts'

async function worker(version: number, bytes: Record<string, number>, buckets: number[]): Promise<Figures> {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({ name: 'version', help: 'v', aggregator: 'min', registers }).set(version)
  new Gauge({ name: 'dropped_metric', help: 'o', aggregator: 'omit', registers }).set(1)
  new Gauge({ name: 'process_memory', help: 'm', registers }).set(100)
  const byTopic = new Gauge({ name: 'bytes', help: 'b', labelNames: ['topic', 'kind'], registers })
  for (const [topic, value] of Object.entries(bytes)) byTopic.set({ topic, kind: 'k' }, value)
  const series = [{ labels: { status: 200 }, buckets, sumSeconds: 0.5 }]
  registry.registerMetric(plainHistogram({ name: 'took', help: 't', bounds: [0.1, 1], series: () => series }))
  return readFigures(registry)
}

test('figures of processes become one text: sums, histograms, the lowest version, processes apart', async () => {
  const { text } = await printFigures(
    mergeFigures([
      { worker: '1', figures: await worker(7, { a: 1, b: 2 }, [1, 2, 3]) },
      { worker: '2', figures: await worker(6, { b: 3, 'c"\n': 4 }, [10, 20, 30]) },
    ]),
  )
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.deepEqual(samples, [
    'version 6',
    'process_memory{worker="1"} 100',
    'process_memory{worker="2"} 100',
    'bytes{topic="a",kind="k"} 1',
    'bytes{topic="b",kind="k"} 5',
    'bytes{topic="c\\"\\n",kind="k"} 4',
    'took_bucket{le="0.1",status="200"} 11',
    'took_bucket{le="1",status="200"} 33',
    'took_bucket{le="+Inf",status="200"} 66',
    'took_sum{status="200"} 1',
    'took_count{status="200"} 66',
  ])
})

test('labels in another order are the same row; a way to merge that nobody thought of is refused', () => {
  const figure = (labels: Record<string, string>) => [
    { name: 'n', help: 'h', type: 'counter', values: [{ labels, value: 2 }] },
  ]
  const [merged] = mergeFigures([
    { worker: '1', figures: figure({ a: 'x', b: 'y' }) },
    { worker: '2', figures: figure({ b: 'y', a: 'x' }) },
  ])
  assert.deepEqual(merged?.values, [{ labels: { a: 'x', b: 'y' }, value: 4 }])
  const averages = figure({}).map((one) => ({ ...one, aggregator: 'average' as const }))
  const both = [
    { worker: '1', figures: averages },
    { worker: '2', figures: averages },
  ]
  assert.throws(() => mergeFigures(both), /n: .*average/)
})
