import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  endOrphan,
  isAlive,
  parsePidRecord,
  readPidFile,
  writePidFile,
} from '../../../deploy/local/pid-file.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('pid files', () => {
  test('are read back as written', (t) => {
    const path = join(temporaryFolder(t), 'x.pid')
    writePidFile(path, { pid: 4242, marker: '/data/server.properties' })
    assert.deepEqual(readPidFile(path), { pid: 4242, marker: '/data/server.properties' })
  })

  test('that were cut off, hold nonsense or are missing say nothing', (t) => {
    for (const text of [
      '',
      '{"pid":42',
      '42',
      'null',
      '{"pid":0,"marker":"x"}',
      '{"pid":1,"marker":"x"}',
      '{"pid":-5,"marker":"x"}',
      '{"pid":7,"marker":""}',
    ]) {
      assert.equal(parsePidRecord(text), undefined, text)
    }
    assert.equal(readPidFile(join(temporaryFolder(t), 'missing.pid')), undefined)
  })

  test('belong to the recorded process only, not to a stranger that got its pid', () => {
    const record = { pid: 4242, marker: '/data/broker-1/server.properties' }
    const cases: [string | undefined, boolean][] = [
      ['java -cp x kafka.Kafka /data/broker-1/server.properties', true],
      ['java -cp x kafka.Kafka /data/broker-2/server.properties', false],
      ['vim notes.txt', false],
      [undefined, false],
    ]
    for (const [line, alive] of cases)
      assert.equal(
        isAlive(record, () => line),
        alive,
        String(line),
      )
  })
})

describe('orphans', () => {
  test('are ended, by force when they do not listen, and a paused one too', async (t) => {
    const folder = temporaryFolder(t)
    const marker = join(folder, 'marker')
    const deaf = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1e6); console.log("deaf")'
    const child = spawn(process.execPath, ['-e', deaf, marker], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    const pid = child.pid ?? 0
    await once(child.stdout, 'data')
    child.kill('SIGSTOP')
    const path = join(folder, 'child.pid')
    writePidFile(path, { pid, marker })
    assert.equal(await endOrphan(path, 100), pid)
    assert.equal((await exited)[1], 'SIGKILL')
    assert.equal(existsSync(path), false)
  })

  test('a stranger with the recorded pid is left alone', async (t) => {
    const path = join(temporaryFolder(t), 'other.pid')
    writePidFile(path, { pid: process.pid, marker: '/no/such/marker/of/this/process' })
    assert.equal(await endOrphan(path, 100), undefined)
    assert.equal(existsSync(path), false, 'the stale file is removed')
    writeFileSync(path, 'rubbish')
    assert.equal(await endOrphan(path, 100), undefined)
  })
})
