import { setTimeout as sleep } from 'node:timers/promises'
import { Arrivals } from './arrivals.ts'
import { endOffsets, TopicFollower } from './kafka-reader.ts'
import type { SentLog } from './sent-log.ts'

/** How a place compares with what a client was told. */
export interface TopicCheck {
  readonly acknowledged: number
  /** Acknowledged and there. */
  readonly delivered: number
  /** Acknowledged and not there. */
  readonly lost: number
  /** Arrivals of an event that was there already. */
  readonly duplicates: number
  /** Offered without a clear answer, and how many of them are there. */
  readonly unknown: number
  readonly unknownDelivered: number
  /** There although they were refused or never sent. */
  readonly neverSent: number
  /** The same multiset of bytes as was acknowledged; says nothing when unknown ones arrived. */
  readonly identical: boolean
}

/** Reads the whole topic with an independent client and compares it with what the log of the run says. */
export async function checkTopic(
  bootstrap: readonly string[],
  topic: string,
  sent: SentLog,
): Promise<TopicCheck> {
  const arrivals = new Arrivals(sent.run, sent.total)
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
  return compareFates(sent, arrivals)
}

/** What became of each event: from what its client was told and what arrived. */
export function compareFates(sent: SentLog, arrivals: Arrivals): TopicCheck {
  const { acknowledged, unknown } = sent.counts
  const here = { acknowledged: 0, refused: 0, unknown: 0 }
  let unsent = 0
  for (const [index, fate] of sent.fates().entries()) {
    if (!arrivals.has(index)) continue
    if (fate === undefined) unsent += 1
    else here[fate] += 1
  }
  return {
    acknowledged,
    delivered: here.acknowledged,
    lost: acknowledged - here.acknowledged,
    duplicates: arrivals.duplicates,
    unknown,
    unknownDelivered: here.unknown,
    neverSent: unsent + here.refused + arrivals.strange,
    identical: arrivals.digest.equals(sent.digest),
  }
}

/** Every acknowledged event once, byte for byte, and nothing else. */
export function isExact({ lost, duplicates, neverSent, unknownDelivered, identical }: TopicCheck): boolean {
  return lost === 0 && duplicates === 0 && neverSent === 0 && (identical || unknownDelivered > 0)
}
