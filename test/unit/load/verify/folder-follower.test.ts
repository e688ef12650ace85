import assert from 'node:assert/strict'
import { appendFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderFollower } from '../../../../load/verify/folder-follower.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

test('a growing folder is read line by line, once, across half lines and renamed files', async (t) => {
  const folder = temporaryFolder(t)
  const lines: string[] = []
  const follower = new FolderFollower(folder, (line) => lines.push(line.toString()))
  await new FolderFollower(join(folder, 'not-there'), () => assert.fail('no line')).poll()
  await writeFile(join(folder, 'a'), 'old\n')
  await follower.skipToEnd()
  await appendFile(join(folder, 'a'), 'one\nhal')
  await follower.poll()
  assert.deepEqual(lines, ['one'])
  await appendFile(join(folder, 'a'), 'f\n')
  await rename(join(folder, 'a'), join(folder, 'a.closed'))
  await writeFile(join(folder, 'b'), 'two\n\nthree\n')
  await follower.poll()
  await follower.poll()
  assert.deepEqual(lines, ['one', 'half', 'two', '', 'three'])
})
