import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Where things run: servers on one core; generator, brokers and everything else on another. */
export interface Pinning {
  /** How the report says it. */
  readonly description: string
  /** Put before a server's command line. */
  readonly serverPrefix: readonly string[]
}

/** Pins this process (its children inherit it) to core 1 and servers to core 0, where `taskset` and a second core are there. */
export function pinCores(): Pinning {
  if (availableParallelism() < 2) {
    return notPinned('there is one core only')
  }
  try {
    execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)], { stdio: 'pipe' })
  } catch (error) {
    return notPinned(`taskset failed (${(error as Error).message})`)
  }
  return {
    description: 'each server on core 0; generator, brokers and control plane on core 1',
    serverPrefix: ['taskset', '-c', '0'],
  }
}

export function notPinned(why: string): Pinning {
  return { description: `not pinned: ${why}`, serverPrefix: [] }
}
