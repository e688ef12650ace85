import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'

export interface WaitOptions {
  /** What is awaited, for the failure: `6 records in the consumer cluster`. */
  readonly describe: string
  /** Default 30 s. */
  readonly timeoutMs?: number
  /** Default 50 ms. */
  readonly intervalMs?: number
  /** Shown on failure beside the last result, e.g. a process's output. */
  readonly state?: () => unknown
}

/**
 * Polls until `condition` gives something truthy, and returns that. An error of the condition counts as "not yet". After the deadline
 * it rejects with what was seen last.
 */
export async function waitFor<Result>(
  condition: () => Result | Promise<Result>,
  { describe, timeoutMs = 30_000, intervalMs = 50, state }: WaitOptions,
): Promise<NonNullable<Result>> {
  const deadlineMs = performance.now() + timeoutMs
  let last: unknown
  do {
    try {
      const result = await condition()
      if (result) return result
      last = result
    } catch (error) {
      last = error
    }
    await sleep(intervalMs)
  } while (performance.now() < deadlineMs)
  const seen = [`last seen: ${inspect(last, { depth: 6 })}`]
  if (state !== undefined) seen.push(`state: ${inspect(await state(), { depth: 6, maxStringLength: 8000 })}`)
  throw new Error(`waited ${timeoutMs} ms for ${describe}\n${seen.join('\n')}`, {
    cause: last instanceof Error ? last : undefined,
  })
}
