import { setTimeout as delay } from 'node:timers/promises'

/**
 * One attempt after another: the next begins when all before it have failed, or after `staggerMs`, and those before it go on meanwhile.
 * Gives the first success and aborts the others. Rejects with an `AggregateError` of all causes, in the order of the attempts.
 */
export async function firstUseful<Result>(
  attempts: readonly ((over: AbortSignal) => Promise<Result>)[],
  staggerMs: number,
): Promise<Result> {
  const over = new AbortController()
  const begun: Promise<Result>[] = []
  try {
    for (const attempt of attempts) {
      begun.push(attempt(over.signal))
      const settled = Promise.any(begun).then(
        () => 'won',
        () => 'failed',
      )
      const next = await Promise.race([settled, delay(staggerMs, 'slow', { signal: over.signal })])
      if (next === 'won') break
    }
    return await Promise.any(begun)
  } finally {
    over.abort()
  }
}
