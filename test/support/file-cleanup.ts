import { after } from 'node:test'
import type { Cleanup } from './temporary-folder.ts'

type Hook = () => void | Promise<void>

const hooks: Hook[] = []
const lastHooks: Hook[] = []

// At the top of the module, because `after` called from within a hook or a test belongs to that test.
after(async () => {
  const failures: unknown[] = []
  for (const hook of [...hooks.reverse(), ...lastHooks]) {
    try {
      await hook()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'not everything could be cleaned up')
})

/** An owner for what the whole file uses. Runs the last registered hook first, and all of them even when one fails. */
export function fileCleanup(): Cleanup {
  return { after: (hook) => void hooks.push(hook) }
}

/** Runs when everything that `fileCleanup` owns is gone: the clusters that it was made on. */
export function afterFileCleanup(hook: Hook): void {
  lastHooks.push(hook)
}
