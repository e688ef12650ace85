import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { BenchReport } from '../../load/report/bench-report.ts'
import { sharedClusters } from '../support/kafka.ts'
import { fromRoot } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function runBench(words: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [fromRoot('load', 'bench', 'main.ts'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}

test('a small bench runs all contenders and finds every acknowledged event once', {
  timeout: 120_000,
}, async (t) => {
  const { fronting, consumer } = await sharedClusters()
  const json = join(temporaryFolder(t), 'bench.json')
  const { code, output } = await runBench([
    ...['--events', '1000', '--rounds', '2', '--connections', '8', '--json', json],
    ...['--fronting', fronting.bootstrap.join(','), '--consumer', consumer.bootstrap.join(',')],
  ])
  assert.equal(code, 0, output)
  const report = JSON.parse(readFileSync(json, 'utf8')) as BenchReport
  assert.deepEqual([report.proxy.length, report.router.length], [4, 2])
  for (const { name, rounds, check } of [...report.proxy, ...report.router]) {
    assert.equal(rounds.length, 2, name)
    // Warm-up included; the floor writes nothing.
    if (check !== undefined) {
      assert.deepEqual(check, { events: 1500, missing: 0, duplicates: 0, identical: true }, name)
    }
  }
  assert.match(output, /## Proxy[\s\S]*## Router/)
})

test('wrong options are wrong usage', async () => {
  const { code, output } = await runBench(['--rounds', 'some'])
  assert.equal(code, 2)
  assert.match(output, /--rounds needs a whole number/)
})
