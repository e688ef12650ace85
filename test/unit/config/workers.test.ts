import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingsHelp } from '../../../src/config/help.ts'
import { loadConfig } from '../../../src/config/load.ts'

test('--workers is one unless said otherwise, and nonsense is refused by name', () => {
  const workers = (argv: string[], environment = {}) =>
    loadConfig('proxy', { argv, environment }).values.workers
  assert.equal(workers([]), 1)
  assert.equal(workers(['--workers', '64']), 64)
  assert.equal(workers([], { FOREBAY_WORKERS: '3' }), 3)
  for (const wrong of ['0', '65', '-1', '1.5', 'all'])
    assert.throws(() => workers([`--workers=${wrong}`]), /--workers: ".*" is not a whole number, 1 to 64/)
  assert.match(settingsHelp('proxy'), /--workers .*1 to 64.*default 1/)
})
