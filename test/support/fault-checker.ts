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
  readonly #times = new Map<string, Uint8Array>()
  /** Of anything. */
  records = 0
  /** Different events, things without an id among them. */
  different = 0

  /** Gives which event it was; `undefined` when it is none of ours. */
  add(value: Buffer | null): { run: string; index: number } | undefined {
    this.records += 1
    const id = idOf(value)
    if (id === undefined) {
      this.different += 1
      return undefined
    }
    let times = this.timesOf(id.run)
    if (id.index >= times.length) {
      const longer = new Uint8Array(2 * id.index + 1024)
      longer.set(times)
      times = longer
      this.#times.set(id.run, times)
    }
    const before = times[id.index] ?? 0
    if (before === 0) this.different += 1
    times[id.index] = Math.min(255, before + 1)
    return id
  }

  /** By running number, at most 255; shorter than the run when its last events did not arrive. */
  timesOf(run: string): Uint8Array {
    return this.#times.get(run) ?? new Uint8Array(0)
  }
}

/** The pure part of `verdictOf`: nothing else may have arrived. */
export function judge(arrivals: Arrivals, loads: readonly Offered[]): Verdict {
  return judgedBy(arrivals, loads, arrivals)
}

/** Passes over what arrived of other runs. */
export function judgeLoads(arrivals: Arrivals, loads: readonly Offered[]): Verdict {
  const all = { records: 0, different: 0 }
  for (const { run } of loads) {
    for (const times of arrivals.timesOf(run)) {
      all.records += times
      if (times > 0) all.different += 1
    }
  }
  return judgedBy(arrivals, loads, all)
}

function judgedBy(
  arrivals: Arrivals,
  loads: readonly Offered[],
  { records, different }: Pick<Arrivals, 'records' | 'different'>,
): Verdict {
  const sums = { accepted: 0, delivered: 0, lost: 0, unknown: 0, unknownArrived: 0 }
  const lossAtMs: number[] = []
  let rightly = 0
  for (const { run, requests } of loads) {
    const times = arrivals.timesOf(run)
    for (const { first, events, fate, endMs } of requests) {
      let there = 0
      for (const one of times.subarray(first, first + events)) if (one > 0) there += 1
      if (fate !== 'refused') rightly += there
      if (fate === 'accepted') {
        sums.accepted += events
        sums.delivered += there
        sums.lost += events - there
        if (there < events) lossAtMs.push(endMs)
      } else if (fate === 'unknown') {
        sums.unknown += events
        sums.unknownArrived += there
      }
    }
  }
  return { ...sums, duplicates: records - different, neverSent: different - rightly, lossAtMs }
}
