/** Offsets by topic and partition, as they were sampled at one moment; partitions that did not answer are left out. */
export type OffsetSample = ReadonlyMap<string, ReadonlyMap<number, number>>

export interface Movement {
  /** Partitions whose offset has grown since the sample before. */
  readonly moved: number
  /** Offsets that all of them grew by; one that went back (a topic made anew) counts nothing. */
  readonly records: number
  readonly byTopic: ReadonlyMap<string, number>
}

/** Pure. */
export function movement(before: OffsetSample, now: OffsetSample): Movement {
  let moved = 0
  let records = 0
  const byTopic = new Map<string, number>()
  for (const [topic, partitions] of now) {
    const old = before.get(topic)
    if (old === undefined) continue
    let grown = 0
    for (const [partition, offset] of partitions) {
      const step = offset - (old.get(partition) ?? offset)
      if (step <= 0) continue
      moved += 1
      grown += step
    }
    byTopic.set(topic, grown)
    records += grown
  }
  return { moved, records, byTopic }
}

/** How much a new sample changes a rate; so it follows within half a minute, and one burst does not upset the order. */
const weight = 0.3

/**
 * Records a second by topic after one more sample. A cluster through which nothing flows at all keeps what it had: either its traffic has
 * been moved away, or it hangs, and who was busiest is asked for exactly then. Pure.
 */
export function nextRates(
  rates: ReadonlyMap<string, number>,
  { byTopic, records }: Movement,
  seconds: number,
): ReadonlyMap<string, number> {
  if (records === 0 || seconds <= 0) return rates
  const next = new Map(rates)
  for (const [topic, grown] of byTopic) {
    const rate = grown / seconds
    const before = rates.get(topic)
    next.set(topic, before === undefined ? rate : before + weight * (rate - before))
  }
  return next
}
