import type { LogPosition } from '../../src/kafka/offsets.ts'

const firstBackOffMs = 200
const longestBackOffMs = 5_000

/** Asks until there is an answer for the partition; `undefined` when nobody wants it any more. */
export async function findStart(
  ask: () => Promise<ReadonlyMap<number, LogPosition>>,
  partition: number,
  { wanted, warn }: { readonly wanted: () => boolean; readonly warn: (error: unknown) => void },
): Promise<LogPosition | undefined> {
  for (let failures = 0; wanted(); failures += 1) {
    try {
      const found = (await ask()).get(partition)
      if (found !== undefined) return found
    } catch (error) {
      warn(error)
    }
    const backOffMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(failures, 10))
    await new Promise((resolve) => setTimeout(resolve, backOffMs))
  }
  return undefined
}
