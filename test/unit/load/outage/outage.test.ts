import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { outageBenchOptions, outageUsage } from '../../../../load/outage/options.ts'
import { outageMarkdown, timelineText } from '../../../../load/outage/report.ts'
import { clientSide, type OutageResult } from '../../../../load/outage/result.ts'
import { UsageError } from '../../../../src/cli/failure.ts'
import type { LoadedRequest } from '../../../support/fault-load.ts'

describe('the options of bench:outage', () => {
  test('have defaults, and --quick is smaller', () => {
    const { fault, runs, eventsPerSecond, proxies, downSeconds } = outageBenchOptions([]) ?? {}
    assert.deepEqual([fault, runs, eventsPerSecond, proxies, downSeconds], ['kill', 1, 10_000, 3, 30])
    const quick = outageBenchOptions(['--quick', '--proxies', '1'])
    assert.deepEqual([quick?.eventsPerSecond, quick?.proxies, quick?.downSeconds], [2000, 1, 15])
  })

  test('are refused in a sentence, and help is no run', () => {
    for (const wrong of [['--fault', 'wipe'], ['--runs', '0'], ['--nonsense']])
      assert.throws(() => outageBenchOptions(wrong), UsageError, wrong.join(' '))
    assert.equal(outageBenchOptions(['--help']), undefined)
    for (const option of ['fault', 'runs', 'baselines', 'json', 'write'])
      assert.match(outageUsage, new RegExp(`--${option}`))
  })
})

function request(sentMs: number, endMs: number, fate: LoadedRequest['fate'], status = 200): LoadedRequest {
  return { first: 0, events: 10, dueMs: sentMs, sentMs, endMs, fate, status, reason: '' }
}

test('clients: recovered with the first acceptance of what was sent after the fault', () => {
  const requests = [
    request(900, 5000, 'accepted'),
    request(1100, 7000, 'accepted'),
    request(1200, 6500, 'accepted'),
    request(1300, 1400, 'refused', 429),
    request(1500, 9000, 'unknown', 0),
  ]
  const { accepted, refused, unanswered, recoveredSeconds, p99Ms } = clientSide(requests, requests, 1000)
  assert.deepEqual([accepted, refused, unanswered, recoveredSeconds, p99Ms], [30, 10, 10, 5.5, 7500])
})

test('who never recovered has no time, and a table shows medians of the others', () => {
  assert.equal(clientSide([], [], 0).recoveredSeconds, undefined)
  const result = (run: number, movedSeconds?: number): OutageResult => {
    const moved = movedSeconds === undefined ? {} : { movedSeconds }
    const counts = { accepted: 1000, refused: 0, unanswered: 0, lost: 0, duplicates: 3, p99Ms: 10 }
    return { name: 'Forebay', run, ...moved, ...counts }
  }
  const markdown = outageMarkdown([
    {
      ...{ command: 'npm run bench:outage', fault: 'kill', at: '', commit: '', machine: '', load: '' },
      results: [result(1, 3.14), result(2, 5), result(3)],
    },
  ])
  assert.match(markdown, /all on the standby after, s \| 4\.1 \[3\.1, 5\.0\]/)
  assert.match(markdown, /noticed after, s \| –/)
})

test('a timeline is told in its order, what has not come last', () => {
  const none = { decided: undefined, published: undefined, lastPublished: undefined, acknowledged: undefined }
  const times = {
    done: 4,
    firstOnStandby: 2.5,
    allOnStandby: 3,
    firstAtReaders: undefined,
    allAtReaders: undefined,
  }
  const lines = timelineText({ ...none, ...times, decided: 2 }).split('\n')
  assert.match(lines[0] ?? '', /2\.00 s {2}decided/)
  assert.match(lines[1] ?? '', /2\.50 s {2}a proxy on the standby/)
  assert.match(lines.at(-1) ?? '', /– s/)
})
