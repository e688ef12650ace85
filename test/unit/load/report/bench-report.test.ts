import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCpuSeconds } from '../../../../load/bench/process-stats.ts'
import { type BenchReport, benchMarkdown } from '../../../../load/report/bench-report.ts'
import { spread } from '../../../../load/report/statistics.ts'

describe('figures', () => {
  test('median, smallest, largest', () => {
    assert.deepEqual(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
    assert.deepEqual(spread([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 })
    assert.ok(Number.isNaN(spread([]).median))
  })

  test('CPU of a process whose name holds spaces and parentheses', () => {
    const stat = `42 (a) b (c) S 1 1 1 0 -1 4194304 1 2 3 4 150 75 0 0 20 0`
    assert.equal(parseCpuSeconds(stat), 2.25)
  })
})

test('the report names what was not exact and when the generator was the bottleneck', () => {
  const round = {
    events: 100,
    cpuMicrosPerEvent: 1,
    eventsPerSecond: 1000,
    serverCpuShare: 0.3,
    generatorCpuShare: 0.95,
    refusedRequests: 0,
  }
  const check = { events: 100, missing: 0, duplicates: 0, identical: true }
  const report: BenchReport = {
    command: 'npm run bench',
    at: '2026-01-01T00:00:00Z',
    commit: 'abc',
    machine: 'm',
    pinning: 'p',
    load: 'l',
    proxy: [
      { name: 'forebay proxy', rounds: [round], peakRssBytes: 2 ** 27, check },
      {
        name: 'other',
        rounds: [{ ...round, cpuMicrosPerEvent: 4, serverCpuShare: 1, generatorCpuShare: 0.2 }],
        peakRssBytes: 2 ** 20,
        check: { ...check, missing: 1 },
      },
    ],
    router: [],
  }
  const text = benchMarkdown(report)
  assert.match(text, /\| forebay proxy \| 1\.00 \[1\.00, 1\.00\] \| 1\.00 \|.*\| 128 MiB \|.*\| yes \|/)
  assert.match(text, /\| other \| 4\.00 \[4\.00, 4\.00\] \| 4\.00 \|.*\*\*no\*\*/)
  assert.match(text, /The generator was the bottleneck for forebay proxy:/)
  assert.doesNotMatch(text, /Router/)
})
