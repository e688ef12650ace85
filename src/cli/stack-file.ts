import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackFile } from '../core/stack-file.ts'

/** The stack that runs in `dir`, or `undefined` when none does: the file is there only while a stack is ready. Throws on a file that cannot be read. */
export function readStackFile(dir: string): StackFile | undefined {
  const file = join(dir, 'stack.json')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text) as StackFile
  } catch (error) {
    throw new Error(`${file} is not JSON: stop the stack and start it again`, { cause: error })
  }
}
