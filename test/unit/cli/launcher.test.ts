import assert from 'node:assert/strict'
import { constants, statSync } from 'node:fs'
import { test } from 'node:test'
import { launcher } from '../../../deploy/local/package-files.ts'

test('the launcher may be run as it is: in a clone npx does, and nobody else makes it a program', () => {
  assert.equal(statSync(launcher()).mode & constants.S_IXUSR, constants.S_IXUSR)
})
