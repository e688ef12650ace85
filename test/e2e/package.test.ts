import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { fromRoot } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const run = promisify(execFile)

test('the packed package runs when it is installed, where Node strips no types', async (t) => {
  const folder = temporaryFolder(t)
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: fromRoot() })
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  assert.ok(archive !== undefined)
  await run('npm', [
    'install',
    '--silent',
    '--prefer-offline',
    '--global',
    '--prefix',
    folder,
    join(folder, archive),
  ])
  const forebay = (...args: string[]) =>
    run(process.execPath, [join(folder, 'bin', 'forebay'), ...args], { cwd: folder })
  assert.match((await forebay('--version')).stdout, /^\d+\.\d+\.\d+/)
  for (const command of ['proxy', 'control', 'router', 'start']) {
    assert.match((await forebay(command, '--help')).stdout, /Usage: forebay|Examples:/, command)
  }
  assert.ok(readdirSync(join(folder, 'lib/node_modules/forebay/deploy/local')).includes('pom.xml'))
})

interface Answer {
  readonly code: number
  readonly stderr: string
}

/** Any other Node on this machine that is too old, e.g. the system's own. */
async function oldNode(): Promise<string | undefined> {
  for (const path of ['/usr/bin/node', '/usr/local/bin/node']) {
    try {
      const { stdout } = await run(path, ['-p', 'process.versions.node'])
      if (Number(stdout.split('.')[0]) < 24) return path
    } catch {
      // There is none.
    }
  }
  return undefined
}

test('an older Node is refused with a sentence', async (t) => {
  const node = await oldNode()
  if (node === undefined) return t.skip('this machine has no Node older than 24')
  for (const command of ['proxy', 'start', 'topic']) {
    const answer: Answer = await run(node, [fromRoot('bin', 'forebay.js'), command]).then(
      ({ stderr }) => ({ code: 0, stderr }),
      (error: Answer) => error,
    )
    assert.equal(answer.code, 2)
    assert.match(answer.stderr, /^forebay needs Node 24\.6 or newer, and this is Node \d+/)
  }
})
