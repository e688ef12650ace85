import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileRun } from '../../support/fault-file-run.ts'
import { faultMarkdown, remarks } from '../../support/fault-report.ts'

const figures = { name: 'F01: a', lostDurable: 0, duplicates: 2, resent: 5, refused: 0 }
const passed: FileRun = {
  ...{ file: 'f01-a.test.ts', passed: true, timedOut: false, seconds: 1 },
  tests: [
    { name: 'F01: a', outcome: 'passed', ms: 1, word: '' },
    { name: 'F01: b', outcome: 'skipped', ms: 1, word: 'no cgroup here' },
  ],
  figures: [{ ...figures, accepted: 1000, lostFast: 1, maxRssMiB: 90, more: { 'back after, s': 2 } }],
}
const killed: FileRun = { ...passed, tests: [], figures: [], passed: false, timedOut: true }

test('the table sums all runs, and says what did not pass and what was skipped by name', () => {
  const later = [{ ...figures, accepted: 500, lostFast: 2, maxRssMiB: 120, more: { 'back after, s': 4 } }]
  const report = {
    ...{ file: 'f01-a.test.ts', command: 'npm run x', at: '2026', commit: 'abc', machine: 'm' },
    runs: [passed, { ...passed, figures: later }, killed],
  }
  const text = faultMarkdown([report])
  assert.match(text, /\| F01: a \| 2 of 2 \| 1,500 \| 3 \| 0 \| 4 \| 10 \| 0 \| 120 MiB \|/)
  assert.match(text, /\| F01: b \| skipped \|/)
  assert.match(text, /F01: a: back after, s 3 \[2, 4\]/)
  assert.deepEqual(remarks(report.runs), [
    'skipped: F01: b: no cgroup here',
    'f01-a.test.ts: killed at its time limit',
  ])
})
