import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of package.json: this file stands at another depth in a checkout (deploy/local) than in a package (dist/deploy/local). */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}`)
    folder = parent
  }
  return folder
}

/** A file of deploy/local that is no code, e.g. `pom.xml`. */
export function localFile(name: string): string {
  return join(packageRoot(), 'deploy', 'local', name)
}

/** The launcher that starts every process. */
export function launcher(): string {
  return join(packageRoot(), 'bin', 'forebay.js')
}
