import { Arrivals, judgeLoads, type Offered, type Verdict } from './fault-checker.ts'
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

/** What has arrived with the readers, for every topic of a bed and all its rows. */
export class OutageLedger {
  readonly #arrivals = new Arrivals()
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
    return missingIn(loads, this.#arrivals)
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
    const verdict = judgeLoads(this.#arrivals, loads)
    const stuckIn: Record<string, number> = {}
    if (verdict.lost > 0)
      for (const { name, bootstrap } of clusters) stuckIn[name] = await this.#found(topic, loads, bootstrap)
    return { ...verdict, neverSent: verdict.neverSent + this.strange(topic), stuckIn }
  }

  /** Accepted events that did not arrive and are in this cluster's log; a cluster that is away or has no such topic holds none. */
  async #found(topic: string, loads: readonly Offered[], bootstrap: readonly string[]): Promise<number> {
    const found = new Arrivals()
    try {
      await readEach(bootstrap, topic, ({ value }) => void found.add(value), { timeoutMs: 60_000 })
    } catch {
      return 0
    }
    return this.missing(loads) - missingIn(loads, this.#arrivals, found)
  }

  #add(topic: string, value: Buffer | null): void {
    const nowMs = performance.now()
    this.#lastMs.set(topic, nowMs)
    const id = this.#arrivals.add(value)
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

/** Accepted events that are in none of these. */
function missingIn(loads: readonly Offered[], ...places: readonly Arrivals[]): number {
  let missing = 0
  for (const { run, requests } of loads) {
    const found = places.map((place) => place.timesOf(run))
    for (const { first, events, fate } of requests) {
      if (fate !== 'accepted') continue
      for (let index = first; index < first + events; index += 1)
        if (found.every((times) => (times[index] ?? 0) === 0)) missing += 1
    }
  }
  return missing
}
