import { setTimeout as sleep } from 'node:timers/promises'
import { idOf, type LoadedRequest } from './fault-load.ts'
import { readEach } from './independent-reader.ts'

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
    const arrivals = new Arrivals()
    await readEach(bootstrap, topic, ({ value }) => arrivals.add(value), { timeoutMs: 120_000 })
    const verdict = judge(arrivals, loads)
    if (verdict.lost === 0 || attempt === 3) return verdict
    await sleep(1500)
  }
}

/** How often each event arrived: a byte an event, so that a million of them cost nothing. */
export class Arrivals {
  readonly #counts = new Map<string, Uint8Array>()
  /** Of anything. */
  records = 0
  /** Different events, things without an id among them. */
  different = 0

  add(value: Buffer | null): void {
    this.records += 1
    const id = idOf(value)
    if (id === undefined) {
      this.different += 1
      return
    }
    let counts = this.#counts.get(id.run) ?? new Uint8Array(0)
    if (id.index >= counts.length) {
      const longer = new Uint8Array(2 * id.index + 1024)
      longer.set(counts)
      counts = longer
      this.#counts.set(id.run, counts)
    }
    const before = counts[id.index] ?? 0
    if (before === 0) this.different += 1
    counts[id.index] = Math.min(255, before + 1)
  }

  has(run: string, index: number): boolean {
    return (this.#counts.get(run)?.[index] ?? 0) > 0
  }
}

/** The pure part of `verdictOf`. */
export function judge(arrivals: Arrivals, loads: readonly Offered[]): Verdict {
  const sums = { accepted: 0, delivered: 0, lost: 0, unknown: 0, unknownArrived: 0, refusedArrived: 0 }
  const lossAtMs: number[] = []
  let known = 0
  for (const { run, requests } of loads) {
    for (const { first, events, fate, endMs } of requests) {
      let there = 0
      for (let index = first; index < first + events; index += 1) if (arrivals.has(run, index)) there += 1
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
    duplicates: arrivals.records - arrivals.different,
    lost: sums.lost,
    neverSent: sums.refusedArrived + arrivals.different - known,
    unknown: sums.unknown,
    unknownArrived: sums.unknownArrived,
    lossAtMs,
  }
}
