import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { benchOptions } from '../../../../load/bench/options.ts'
import { parsePeer } from '../../../../load/bench/peer.ts'
import { UsageError } from '../../../../src/cli/failure.ts'

describe('the options of the bench', () => {
  test('by default the three bodies; quick is shorter', () => {
    const usual = benchOptions([])
    assert.deepEqual(usual?.scenarios, ['ndjson', 'array', 'single'])
    const quick = benchOptions(['--quick', '--scenario', 'latency'])
    assert.deepEqual(quick?.scenarios, ['latency'])
    assert.ok((quick?.rounds ?? 0) * (quick?.roundSeconds ?? 0) < 5)
    assert.equal(benchOptions(['--quick', '--rounds', '7'])?.rounds, 7)
    assert.equal(benchOptions(['--help']), undefined)
  })

  test('what cannot be is refused by name', () => {
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [['--rounds', 'some'], /--rounds needs a whole number/],
      [['--scenario', 'ndjson,xml'], /--scenario: "xml" is none of ndjson, array/],
      [['--seconds', '0'], /--seconds/],
      [['--brokers', '2'], /--brokers/],
      [['--fronting', 'a:1'], /--fronting and --consumer/],
      [['--peer', 'http://127.0.0.1:1/x'], /--peer/],
      [['--rate', '5', '--saturated'], /--rate and --saturated/],
      [['--colour'], /--colour/],
    ]
    for (const [argv, message] of wrong) {
      assert.throws(
        () => benchOptions(argv),
        (error) => error instanceof UsageError && message.test(error.message),
        argv.join(' '),
      )
    }
  })

  test('a peer is a URL and a process, with a name or without', () => {
    assert.deepEqual(parsePeer('other=http://127.0.0.1:4195/post?x=1,42'), {
      ...{ name: 'other', address: { host: '127.0.0.1', port: 4195 }, path: '/post?x=1', pid: 42 },
    })
    const unnamed = parsePeer('http://127.0.0.1:80/a=b,7')
    assert.deepEqual([unnamed.name, unnamed.path, unnamed.pid], ['peer 127.0.0.1', '/a=b', 7])
  })
})
