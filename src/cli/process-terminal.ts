import { processEnvironment } from '../config/environment.ts'
import type { Terminal } from './terminal.ts'

/** The terminal of this very process. Colours follow NO_COLOR and FORCE_COLOR as Node reads them. */
export function processTerminal(interrupted: AbortSignal): Terminal {
  return {
    stdin: process.stdin,
    write: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
    colours: process.stdout.isTTY === true && process.stdout.hasColors(),
    live: process.stderr.isTTY === true,
    interrupted,
    cwd: process.cwd(),
    environment: processEnvironment(),
  }
}
