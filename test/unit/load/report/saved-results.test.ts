import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BenchReport, verdictsOf } from '../../../../load/report/bench-report.ts'
import { parseSaved, savedMarkdown, withRun } from '../../../../load/report/saved-results.ts'

const round = { records: 10, cpuMicrosPerRecord: 2, recordsPerSecond: 1000 }
const check = {
  ...{ acknowledged: 10, delivered: 10, lost: 0, duplicates: 0 },
  ...{ unknown: 0, unknownDelivered: 0, neverSent: 0, identical: true },
}
const router = [
  { name: 'forebay router', rounds: [round], peakRssBytes: 1, check },
  { name: 'kafkajs', rounds: [{ ...round, cpuMicrosPerRecord: 20 }], peakRssBytes: 1, check },
]
const step = {
  ...{ events: 1, accepted: 1, cpuMicrosPerEvent: 1, eventsPerSecond: 1, serverCpuShare: 1 },
  ...{ generatorCpuShare: 0.1, refusedRequests: 0, unansweredRequests: 0, latenessP99: undefined },
}
const topics = {
  ...{ name: 'forebay proxy', eventsPerSecond: 9, peakRssBytes: 1, acknowledged: 1, records: 1, resent: 0 },
  steps: [
    { count: 1, rounds: [step] },
    { count: 7, rounds: [] },
  ],
}

function reportOf(at: string, results: Pick<BenchReport, 'router' | 'topics'>): BenchReport {
  return {
    ...{ command: `bench of ${at}`, at, seconds: 1, commit: 'abc', machine: 'm', pinning: 'p', load: 'l' },
    ...{ cost: [], verdicts: verdictsOf({ cost: [], ...results }), ...results },
  }
}

test('a later run replaces its own scenarios only, and each section names the run that made it', () => {
  const first = withRun(parseSaved(undefined), reportOf('monday', { router, topics }))
  const stored = parseSaved(JSON.stringify(first))
  const second = parseSaved(JSON.stringify(withRun(stored, reportOf('tuesday', { router }))))
  const text = savedMarkdown(second)
  assert.match(text, /bench of monday[\s\S]*## Topics[\s\S]*bench of tuesday[\s\S]*## Router/)
  assert.equal(text.match(/bench of monday/g)?.length, 1)
  assert.match(text, /kafkajs loop ÷ pass-through[^|]*\| 10\.00 \[10\.00, 10\.00\] ×/)
  assert.match(text, /with 7 ÷ with 1 \| – /, 'what was not measured stays NaN in JSON')
})

test('figures of an older form are replaced', () => {
  assert.deepEqual(parseSaved('{"command":"npm run bench","cost":[]}'), { scenarios: {} })
})
