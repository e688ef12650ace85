import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { BenchReport } from '../../load/report/bench-report.ts'
import type { TopicCheck } from '../../load/verify/check-topic.ts'
import { sharedClusters } from '../support/kafka.ts'
import { runProgram } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const runBench = (words: readonly string[]) => runProgram(['load', 'bench', 'main.ts'], words)

test('a small bench runs every scenario and finds every acknowledged event once', {
  timeout: 180_000,
}, async (t) => {
  const { fronting, consumer } = await sharedClusters()
  const json = join(temporaryFolder(t), 'bench.json')
  const { code, output } = await runBench([
    ...['--scenario', 'array,latency,topics,connections,router'],
    ...['--events', '1000', '--rounds', '1', '--seconds', '0.2', '--connections', '8'],
    ...['--topics', '1,3', '--connection-counts', '4,16', '--unpinned', '--json', json],
    ...['--fronting', fronting.bootstrap.join(','), '--consumer', consumer.bootstrap.join(',')],
  ])
  assert.equal(code, 0, output)
  const report = JSON.parse(readFileSync(json, 'utf8')) as BenchReport
  assert.deepEqual(
    report.cost.map(({ format, contenders }) => [format, contenders.map(({ role }) => role)]),
    // Saturated, and at one rate for all.
    ['array', 'array'].map((format) => [format, ['forebay', 'kafkajs', 'platformatic', 'floor']]),
  )
  for (const { contenders } of report.cost) for (const { name, check } of contenders) assertExact(name, check)
  const { latency, topics, connections, router } = report
  for (const row of [latency?.fast, latency?.durable]) assertExact(row?.name, row?.check)
  assert.ok((latency?.fast.latency.p99 ?? 0) > 0 && (latency?.ackP99s[0] ?? 0) > 0, output)
  assert.deepEqual([topics?.records, topics?.steps.map(({ count }) => count)], [topics?.acknowledged, [1, 3]])
  assert.deepEqual(
    connections?.rows.map(({ steps }) => steps.map(({ count }) => count)),
    [
      [4, 16],
      [4, 16],
    ],
  )
  assert.equal(router?.length, 2)
  for (const { name, check } of router ?? []) assertExact(name, check)
  assert.match(output, /## Targets[\s\S]*## JSON array[\s\S]*## Latency[\s\S]*## Router/)
})

/** Of the floor there is nothing to read back. */
function assertExact(name: string | undefined, check: TopicCheck | undefined): void {
  if (name?.startsWith('floor')) return
  const { acknowledged, delivered, duplicates, identical } = check ?? {}
  assert.ok((acknowledged ?? 0) > 0, name)
  assert.deepEqual([delivered, duplicates, identical], [acknowledged, 0, true], name)
}

test('wrong options are wrong usage', async () => {
  const { code, output } = await runBench(['--rounds', 'some'])
  assert.equal(code, 2)
  assert.match(output, /--rounds needs a whole number/)
})
