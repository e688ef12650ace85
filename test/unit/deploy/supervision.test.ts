import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { javaMajor } from '../../../deploy/local/java.ts'
import { listeningInodes } from '../../../deploy/local/ports.ts'
import { nextFailures, restartDelayMs } from '../../../deploy/local/supervised-process.ts'
import { tail } from '../../../deploy/local/tail.ts'

describe('the back-off of a process that keeps dying', () => {
  test('doubles from half a second to thirty', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 100].map(restartDelayMs)
    assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  test('starts over after a minute up', () => {
    assert.equal(nextFailures(5, 59_999), 6)
    assert.equal(nextFailures(5, 60_000), 1)
  })
})

describe('what the stack reads of the machine', () => {
  test('the version of Java', () => {
    assert.equal(javaMajor('openjdk version "17.0.15" 2025-04-15'), 17)
    assert.equal(javaMajor('openjdk version "25" 2025-09-16'), 25)
    assert.equal(javaMajor('java version "1.8.0_392"'), 8)
    assert.equal(javaMajor('command not found'), 0)
  })

  test('who listens on a port, not who is connected to it', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11111 1 x',
      '   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 22222 1 x',
      '   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 33333 1 x',
    ].join('\n')
    assert.deepEqual(listeningInodes(table, 8080), ['11111'])
    assert.deepEqual(listeningInodes(table, 8082), [])
  })

  test('the end of a log', () => {
    assert.equal(tail('a\nb\nc\n\n', 2), 'b\nc')
    assert.equal(tail('', 5), '')
  })
})
