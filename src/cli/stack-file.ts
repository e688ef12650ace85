import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What `DIR/stack.json` says of a running local stack (interface.md "Commands"). */
export interface StackFile {
  readonly proxy: string
  readonly control: string
  readonly router: string
  readonly clusters: Readonly<
    Record<
      string,
      {
        readonly bootstrap: readonly string[]
        readonly brokers: readonly {
          readonly id: number
          readonly port: number
          readonly pid: number | null
        }[]
      }
    >
  >
  readonly processes: Readonly<Record<string, { readonly pid: number | null }>>
  readonly sinks: Readonly<Record<string, unknown>>
  /** The Unix socket that `forebay local` talks to. */
  readonly socket: string
}

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
