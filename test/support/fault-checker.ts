import { setTimeout as sleep } from 'node:timers/promises'
import { idOf, type LoadedRequest } from './fault-load.ts'
import { readAll } from './independent-reader.ts'

/** Every event of some loads on one topic, held against what Kafka holds. All numbers are events. */
export interface Verdict {
  readonly accepted: number
  /** Accepted and there. */
  readonly delivered: number
  /** Arrivals of an event that was there already. */
  readonly duplicates: number
  /** Accepted and not there. */
  readonly lost: number
  /** There, though refused or never sent: never right. */
  readonly neverSent: number
  /** Of those whose client got no answer, or 503 unknown. */
  readonly unknown: number
  readonly unknownArrived: number
  /** The requests of the lost events, by the time of their answer. */
  readonly lossAtMs: readonly number[]
}

/** The loads that are judged: what was offered under which run. */
export interface Offered {
  readonly run: string
  readonly requests: readonly LoadedRequest[]
}

/** Reads the topic to its end with an independent client. Looks again for 5 s while something is missing. */
export async function verdictOf(
  bootstrap: readonly string[],
  topic: string,
  loads: readonly Offered[],
): Promise<Verdict> {
  for (let attempt = 1; ; attempt += 1) {
    const records = await readAll(bootstrap, topic, { timeoutMs: 60_000 })
    const verdict = judge(
      records.map(({ value }) => value),
      loads,
    )
    if (verdict.lost === 0 || attempt === 3) return verdict
    await sleep(1500)
  }
}

/** The pure part of `verdictOf`. */
export function judge(values: readonly (Buffer | null)[], loads: readonly Offered[]): Verdict {
  const arrivals = new Map<string, number>()
  for (const value of values) {
    const id = idOf(value)
    const name = id === undefined ? '?' : `${id.run}-${id.index}`
    arrivals.set(name, (arrivals.get(name) ?? 0) + 1)
  }
  const sums = { accepted: 0, delivered: 0, lost: 0, unknown: 0, unknownArrived: 0, refusedArrived: 0 }
  const lossAtMs: number[] = []
  let known = 0
  for (const { run, requests } of loads) {
    for (const { first, events, fate, endMs } of requests) {
      let there = 0
      for (let index = first; index < first + events; index += 1)
        if (arrivals.has(`${run}-${index}`)) there += 1
      known += there
      if (fate === 'accepted') {
        sums.accepted += events
        sums.delivered += there
        sums.lost += events - there
        if (there < events) lossAtMs.push(endMs)
      } else if (fate === 'unknown') {
        sums.unknown += events
        sums.unknownArrived += there
      } else sums.refusedArrived += there
    }
  }
  return {
    accepted: sums.accepted,
    delivered: sums.delivered,
    duplicates: values.length - arrivals.size,
    lost: sums.lost,
    neverSent: sums.refusedArrived + arrivals.size - known,
    unknown: sums.unknown,
    unknownArrived: sums.unknownArrived,
    lossAtMs,
  }
}
