import { after } from 'node:test'
import type { Cleanup } from './temporary-folder.ts'

/**
 * An owner for what the whole file uses. Call it at the top of the module: `after` called from within a hook or a test belongs to that
 * test. Runs the last registered hook first, and all of them even when one fails.
 */
export function fileCleanup(): Cleanup {
  const hooks: (() => void | Promise<void>)[] = []
  after(async () => {
    const failures: unknown[] = []
    for (const hook of hooks.reverse()) {
      try {
        await hook()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be cleaned up')
  })
  return { after: (hook) => void hooks.push(hook) }
}
