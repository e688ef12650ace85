import { execFileSync } from 'node:child_process'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../deploy/local/package-files.ts'
import { type Cleanup, temporaryFolder } from './temporary-folder.ts'

/** The compiled `forebay`, as packages carry it, in a folder of its own: run from sources, Node's stripping of types takes 15 to 20 MiB more. */
export function builtLauncher(owner: Cleanup): string {
  const folder = temporaryFolder(owner)
  const root = packageRoot()
  const compiler = join(root, 'node_modules', '.bin', 'tsc')
  execFileSync(compiler, ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')])
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return join(folder, 'bin', 'forebay.js')
}
