import { setTimeout as sleep } from 'node:timers/promises'
import { Arrivals } from './arrivals.ts'
import { endOffsets, TopicFollower } from './kafka-reader.ts'
import type { MultisetDigest } from './multiset-digest.ts'

/** How a topic compares with what was acknowledged. */
export interface TopicCheck {
  readonly events: number
  readonly missing: number
  readonly duplicates: number
  /** The same multiset of bytes as was sent. */
  readonly identical: boolean
}

/** Reads the whole topic with an independent client and compares it with the run's events 0 to `total` − 1. */
export async function checkTopic(
  bootstrap: readonly string[],
  topic: string,
  expected: { readonly run: string; readonly total: number; readonly digest: MultisetDigest },
): Promise<TopicCheck> {
  const arrivals = new Arrivals(expected.run, expected.total)
  const ends = await endOffsets(bootstrap, topic)
  if (ends === undefined) throw new Error(`there is no topic ${topic}`)
  const follower = new TopicFollower(bootstrap, topic, { onValue: (value) => void arrivals.add(value) })
  await follower.start()
  try {
    for (let before = -1, changedMs = performance.now(); !follower.reached(ends); await sleep(50)) {
      if (arrivals.digest.count !== before) changedMs = performance.now()
      before = arrivals.digest.count
      if (follower.failure !== undefined || performance.now() - changedMs > 60_000) {
        throw new Error(`${topic} could not be read to its end`, { cause: follower.failure })
      }
    }
  } finally {
    await follower.stop()
  }
  return {
    events: arrivals.digest.count,
    missing: arrivals.missing,
    duplicates: arrivals.duplicates,
    identical: arrivals.digest.equals(expected.digest),
  }
}
