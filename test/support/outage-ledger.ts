import type { Offered, Verdict } from './fault-checker.ts'
import { idOf, type LoadedRequest } from './fault-load.ts'
import { readEach } from './independent-reader.ts'
import { OutageFollower } from './outage-follower.ts'

/** What became of the events of some loads on one topic. All numbers are events. */
export interface OutageVerdict extends Verdict {
  /** Lost to the readers, and yet in the log of this cluster: the router owes them. By cluster. */
  readonly stuckIn: Readonly<Record<string, number>>
}

/** A place that may hold events of a topic. */
export interface LedgerCluster {
  readonly name: string
  readonly bootstrap: readonly string[]
}

/** What has arrived with the readers, for every topic of a bed and all its rows: a byte an event. */
export class OutageLedger {
  readonly #counts = new Map<string, Uint8Array>()
  readonly #strange = new Map<string, number>()
  readonly #lastMs = new Map<string, number>()
  #follower: OutageFollower | undefined
  #watched: { readonly runs: ReadonlyMap<string, number>; readonly seenMs: Map<string, number> } | undefined

  /** Follows these topics of the consumer cluster; once. */
  async follow(bootstrap: readonly string[], topics: readonly string[]): Promise<void> {
    this.#follower = await OutageFollower.start(bootstrap, topics, (topic, value) => this.#add(topic, value))
  }

  async stop(): Promise<void> {
    await this.#follower?.stop()
  }

  /** From now on `firstSeenMs` says when the first event of a run from this running number on arrived. */
  watch(from: ReadonlyMap<string, number>): void {
    this.#watched = { runs: from, seenMs: new Map() }
  }

  /** By run; on the clock of the loads. */
  get firstSeenMs(): ReadonlyMap<string, number> {
    return this.#watched?.seenMs ?? new Map()
  }

  /** Milliseconds since the last record of the topic arrived. */
  quietMs(topic: string): number {
    return performance.now() - (this.#lastMs.get(topic) ?? 0)
  }

  /** Accepted events of these loads that have not arrived by now. */
  missing(loads: readonly Offered[]): number {
    return loads.reduce((sum, { run, requests }) => sum + missingOf(this.#counts.get(run), requests), 0)
  }

  /** Records of the topic that are none of our events. */
  strange(topic: string): number {
    return this.#strange.get(topic) ?? 0
  }

  /** Of loads whose last request has its fate. `clusters`: where what has not arrived is looked for. */
  async verdict(
    topic: string,
    loads: readonly Offered[],
    clusters: readonly LedgerCluster[],
  ): Promise<OutageVerdict> {
    const verdict = judgeLoads(this.#counts, loads)
    const stuckIn: Record<string, number> = {}
    if (verdict.lost > 0)
      for (const { name, bootstrap } of clusters) stuckIn[name] = await this.#found(topic, loads, bootstrap)
    return { ...verdict, neverSent: verdict.neverSent + this.strange(topic), stuckIn }
  }

  /** Accepted events that did not arrive and are in this cluster's log; a cluster that is away or has no such topic holds none. */
  async #found(topic: string, loads: readonly Offered[], bootstrap: readonly string[]): Promise<number> {
    const found = new Map<string, Uint8Array>()
    try {
      await readEach(bootstrap, topic, ({ value }) => void count(found, value), { timeoutMs: 60_000 })
    } catch {
      return 0
    }
    return missingIn(this.#counts, loads) - missingIn(this.#counts, loads, found)
  }

  #add(topic: string, value: Buffer | null): void {
    const nowMs = performance.now()
    this.#lastMs.set(topic, nowMs)
    const id = count(this.#counts, value)
    if (id === undefined) {
      this.#strange.set(topic, this.strange(topic) + 1)
      return
    }
    const watched = this.#watched
    const from = watched?.runs.get(id.run)
    if (watched === undefined || from === undefined || id.index < from || watched.seenMs.has(id.run)) return
    watched.seenMs.set(id.run, nowMs)
  }
}

type Counts = Map<string, Uint8Array>

function count(counts: Counts, value: Buffer | null): { run: string; index: number } | undefined {
  const id = idOf(value)
  if (id === undefined) return undefined
  let bytes = counts.get(id.run) ?? new Uint8Array(0)
  if (id.index >= bytes.length) {
    const longer = new Uint8Array(2 * id.index + 1024)
    longer.set(bytes)
    bytes = longer
    counts.set(id.run, bytes)
  }
  bytes[id.index] = Math.min(255, (bytes[id.index] ?? 0) + 1)
  return id
}

function missingOf(
  bytes: Uint8Array | undefined,
  requests: readonly LoadedRequest[],
  also?: Uint8Array | undefined,
): number {
  let missing = 0
  for (const { first, events, fate } of requests) {
    if (fate !== 'accepted') continue
    for (let index = first; index < first + events; index += 1)
      if ((bytes?.[index] ?? 0) === 0 && (also?.[index] ?? 0) === 0) missing += 1
  }
  return missing
}

function missingIn(counts: Counts, loads: readonly Offered[], also?: Counts): number {
  return loads.reduce(
    (sum, { run, requests }) => sum + missingOf(counts.get(run), requests, also?.get(run)),
    0,
  )
}

/** The pure part: these loads and no others. */
export function judgeLoads(counts: ReadonlyMap<string, Uint8Array>, loads: readonly Offered[]): Verdict {
  const sums = { accepted: 0, delivered: 0, lost: 0, unknown: 0, unknownArrived: 0, wrong: 0, duplicates: 0 }
  const lossAtMs: number[] = []
  for (const { run, requests } of loads) {
    const bytes = counts.get(run) ?? new Uint8Array(0)
    let known = 0
    for (const { first, events, fate, endMs } of requests) {
      const range = bytes.subarray(first, first + events)
      let there = 0
      for (const times of range) if (times > 0) there += 1
      known += there
      if (fate === 'accepted') {
        sums.accepted += events
        sums.delivered += there
        sums.lost += events - there
        if (there < events) lossAtMs.push(endMs)
      } else if (fate === 'unknown') {
        sums.unknown += events
        sums.unknownArrived += there
      } else sums.wrong += there
    }
    let different = 0
    for (const times of bytes) {
      if (times > 0) different += 1
      if (times > 1) sums.duplicates += times - 1
    }
    // Numbers that no request had.
    sums.wrong += different - known
  }
  const { accepted, delivered, duplicates, lost, unknown, unknownArrived, wrong } = sums
  return { accepted, delivered, duplicates, lost, neverSent: wrong, unknown, unknownArrived, lossAtMs }
}
