import type { TestContext } from 'node:test'
import type { Cleanup } from './temporary-folder.ts'

/** An owner for what one row alone uses. Runs the last registered hook first (node:test: the first), and all of them even when one fails. */
export function rowCleanup(context: Pick<TestContext, 'after'>): Cleanup {
  const hooks: (() => void | Promise<void>)[] = []
  context.after(async () => {
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
