import { processTerminal } from './process-terminal.ts'
import { run } from './program.ts'
import type { Terminal } from './terminal.ts'

/** The `forebay` command, called by bin/forebay.js with the words after it. Ends the process with the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const interruption = new AbortController()
  process.on('SIGINT', () => {
    if (interruption.signal.aborted) process.exit(130)
    interruption.abort()
  })
  // `forebay topic list | head -1` closes stdout early: that is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  const terminal: Terminal = processTerminal(interruption.signal)
  const code = await run(argv, terminal)
  // A pipe takes 64 KiB at a time: what is still queued would be cut off.
  process.stdout.write('', () => process.exit(code))
}
