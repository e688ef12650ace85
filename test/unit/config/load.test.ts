import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { settingsHelp } from '../../../src/config/help.ts'
import { ConfigError, loadConfig } from '../../../src/config/load.ts'

const folder = mkdtempSync(join(tmpdir(), 'forebay-config-'))
after(() => rmSync(folder, { recursive: true }))

function file(text: string): string {
  const path = join(folder, `${text.length}-${Math.random().toString(36).slice(2)}.yaml`)
  writeFileSync(path, text)
  return path
}

const message = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.message
  }
  return assert.fail('it was accepted')
}

test('a flag wins over the environment, the environment over the file, the file over the default', () => {
  const config = file('proxy:\n  linger: 20ms\n  batch: 64KiB\n  port: 9000\n')
  const { values, sources } = loadConfig('proxy', {
    argv: ['--config', config, '--linger', '7ms'],
    environment: { FOREBAY_LINGER: '9ms', FOREBAY_BATCH: '128KiB', PATH: '/bin' },
  })
  assert.deepEqual(
    [values.lingerMs, values.batchBytes, values.port, values.drainTimeoutMs],
    [7, 131_072, 9000, 30_000],
  )
  assert.deepEqual(
    [sources.lingerMs, sources.batchBytes, sources.port, sources.host],
    ['flag', 'environment', 'file', 'default'],
  )
  assert.ok(Object.isFrozen(values))
})

test('whatever is wrong is said in a sentence that names the key', () => {
  const load = (argv: string[], environment = {}) => message(() => loadConfig('proxy', { argv, environment }))
  assert.match(load(['--lingr', '5ms']), /unknown option "--lingr": did you mean "--linger"\?/)
  assert.match(load(['--linger', 'soon']), /--linger: "soon" is not a duration/)
  assert.match(load(['--port', '70000']), /--port: "70000" is not a whole number, 0 to 65535/)
  assert.match(load([], { FOREBAY_LOG_LEVEL: 'loud' }), /FOREBAY_LOG_LEVEL: "loud" is not a trace \| debug/)
  assert.match(
    load([], { FOREBAY_LINGR: '1' }),
    /unknown environment variable "FOREBAY_LINGR": did you mean "FOREBAY_LINGER"/,
  )
  assert.match(
    load(['--config', file('proxy:\n  lingr: 1ms\n')]),
    /unknown key in proxy "lingr": did you mean "linger"/,
  )
  assert.match(load(['--config', file('prxy: {}\n')]), /unknown section "prxy": did you mean "proxy"/)
  assert.match(load(['--config', file('proxy: {linger: {a: 1}}\n')]), /proxy\.linger: a duration/)
  assert.match(load(['--config', file('proxy: [')]), /cannot read the configuration/)
  assert.match(load(['--config', join(folder, 'none.yaml')]), /cannot read the configuration/)
  assert.match(load(['stray']), /stray/)
})

test('a setting of another process is left alone in a shared environment', () => {
  const { values } = loadConfig('control', { argv: [], environment: { FOREBAY_LINGER: '9ms' } })
  assert.equal(values.port, 8081)
})

test('the help names every option with its default', () => {
  const text = settingsHelp('proxy')
  assert.match(text, /--max-buffer\s+.*\(default 256MiB\)/)
  assert.match(text, /--drain-timeout\s+.*\(default 30s\)/)
  assert.match(text, /Examples:/)
})
