import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCpuSeconds } from '../../../../load/bench/process-stats.ts'
import {
  type BenchReport,
  type BenchResults,
  benchMarkdown,
  forebayIsExact,
  verdictsOf,
} from '../../../../load/report/bench-report.ts'
import { roundByRound, spread } from '../../../../load/report/statistics.ts'
import type { ContenderResult } from '../../../../load/scenarios/cost.ts'

describe('figures', () => {
  test('median, smallest, largest', () => {
    assert.deepEqual(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
    assert.deepEqual(spread([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 })
    assert.ok(Number.isNaN(spread([]).median))
  })

  test('ratios are taken round by round', () => {
    const ratio = (left: number, right: number) => left / right
    assert.deepEqual(roundByRound([10, 40, 30], [1, 2, 10], ratio), { median: 10, min: 3, max: 20 })
  })

  test('CPU of a process whose name holds spaces and parentheses', () => {
    const stat = `42 (a) b (c) S 1 1 1 0 -1 4194304 1 2 3 4 150 75 0 0 20 0`
    assert.equal(parseCpuSeconds(stat), 2.25)
  })
})

const check = {
  ...{ acknowledged: 100, delivered: 100, lost: 0, duplicates: 0 },
  ...{ unknown: 0, unknownDelivered: 0, neverSent: 0, identical: true },
}

function contender(role: ContenderResult['role'], cpu: number, more: Partial<ContenderResult> = {}) {
  const round = {
    ...{ events: 100, accepted: 100, cpuMicrosPerEvent: cpu, eventsPerSecond: 1000 },
    ...{ serverCpuShare: 0.3, generatorCpuShare: 0.4, refusedRequests: 0, unansweredRequests: 0 },
    latenessP99: 2000,
  }
  const result: ContenderResult = {
    ...{
      name: `the ${role}`,
      role,
      rounds: [round],
    },
    ...{ latency: undefined, peakRssBytes: 2 ** 27, check, ...more },
  }
  return { round, result }
}

function reportOf(results: BenchResults): BenchReport {
  return {
    ...{ command: 'npm run bench', at: '2026-01-01T00:00:00Z', seconds: 1, commit: 'abc' },
    ...{ machine: 'm', pinning: 'p', load: 'l', verdicts: verdictsOf(results), ...results },
  }
}

describe('the report', () => {
  const floor = contender('floor', 0.9, { check: undefined }).result
  const platformatic = contender('platformatic', 3).result

  test('judges every claim and says who was not exact', () => {
    const losing = { ...check, lost: 1, delivered: 99, identical: false }
    const kafkajs = contender('kafkajs', 20, { check: losing }).result
    const contenders = [contender('forebay', 1).result, kafkajs, platformatic, floor]
    const phase = { format: 'ndjson', contenders } as const
    const results: BenchResults = {
      cost: [
        { ...phase, eventsPerSecond: undefined },
        { ...phase, eventsPerSecond: 700 },
      ],
    }
    assert.deepEqual(
      verdictsOf(results).map(({ measured, target, pass }) => [
        Number(measured.median.toFixed(2)),
        target,
        pass,
      ]),
      [
        [20, 10, true],
        [3, 4, false],
        [0.1, 1.2, true],
        [1.11, 1.4, true],
        // At one rate for all, only the difference to the floor.
        [0.1, 1.2, true],
      ],
    )
    const text = benchMarkdown(reportOf(results))
    assert.match(text, /\| the forebay \| 1\.00 \[1\.00, 1\.00\] \|.*\| 128 MiB \|.*\| yes \|/)
    assert.match(text, /\| the kafkajs \| 20\.00 .*\*\*no\*\*: 1 lost/)
    assert.match(text, /platformatic ÷ forebay.*\| ≥ 4\.00 × \| \*\*FAIL\*\* \|/)
    assert.match(text, /NDJSON: saturated/)
    assert.match(text, /NDJSON: 700 events\/s offered to each/)
    assert.match(text, /The generator was not the bottleneck/)
    assert.doesNotMatch(text, /Router|## Latency/)
    assert.ok(forebayIsExact(results), 'the loss of a baseline fails nothing')
  })

  test('says when the generator was the bottleneck, and fails for an event of Forebay that is not there', () => {
    const { round, result } = contender('forebay', 1, { check: { ...check, duplicates: 1 } })
    const late = { ...result, rounds: [{ ...round, latenessP99: 40_000 }] }
    const busy = { ...platformatic, rounds: [{ ...round, generatorCpuShare: 0.97 }] }
    const results: BenchResults = {
      cost: [{ format: 'single', eventsPerSecond: undefined, contenders: [late, busy, floor] }],
    }
    const text = benchMarkdown(reportOf(results))
    assert.match(text, /bottleneck for the forebay: its own sends were 40\.0 ms late/)
    assert.match(text, /bottleneck for the platformatic: it used 97 % of a core/)
    assert.ok(!forebayIsExact(results))
  })
})
