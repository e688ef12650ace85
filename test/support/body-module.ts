/**
 * Compiles `src/core/body-module.as.ts`. Its bytes are kept in the repository, so that neither a checkout nor the installed package
 * needs a compiler; a test says when they are old. `node test/support/body-module.ts` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import { fromRoot } from './process.ts'

const sourcePath = fromRoot('src/core/body-module.as.ts')
export const bodyModulePath = fromRoot('src/core/body-module.ts')

/** 39 pages of 64 KiB: up to the end of the body in the layout, never more. */
const options = [
  ...['--optimizeLevel', '3', '--converge', '--runtime', 'stub', '--enable', 'simd', '--use', 'abort='],
  ...['--initialMemory', '39', '--maximumMemory', '39', '--outFile', 'module.wasm'],
]

/** The text of `body-module.ts` as the source makes it now; the same compiler makes the same bytes. */
export async function compileBodyModule(): Promise<string> {
  let bytes: Uint8Array | undefined
  const { error, stderr } = await asc.main(['body-module.ts', ...options], {
    readFile: (name) => (name === 'body-module.ts' ? readFileSync(sourcePath, 'utf8') : null),
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') bytes = contents
    },
    listFiles: () => [],
  })
  if (error !== null || bytes === undefined) throw new Error(stderr.toString(), { cause: error })
  const text = Buffer.from(bytes).toString('base64')
  return `/** body-module.as.ts compiled, as Base64; test/support/body-module.ts writes it. */\nexport const moduleBytes =\n  '${text}'\n`
}

if (import.meta.main) writeFileSync(bodyModulePath, await compileBodyModule())
