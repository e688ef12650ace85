import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertConserved } from '../integration/proxy-support.ts'
import { FigureKeeper } from './fault-figures.ts'
import { FaultLoad, type LoadedRequest } from './fault-load.ts'
import type { OutageBed } from './outage-bed.ts'
import type { OutageVerdict } from './outage-ledger.ts'
import { fullLength } from './outage-length.ts'
import { type Metrics, scrape, sumOf } from './outage-scraper.ts'
import { waitFor } from './wait-for.ts'

export interface RowOptions {
  /** Over all topics and proxies; default 2,000 in the short form, 10,000 in the long one. */
  readonly eventsPerSecond?: number
  /** Only these topics; default all of the bed. */
  readonly topics?: readonly string[]
}

/** A test's, or that of whoever measures. */
export type RowContext = Pick<TestContext, 'name' | 'diagnostic' | 'after'>

const eventsPerRequest = 20
const eventBytes = 300

/** One row of the fault table on a bed that several rows share: loads of its own, and the difference that it made. */
export class OutageRow {
  readonly context: RowContext
  readonly bed: OutageBed
  /** Start of the row on the clock of the loads. */
  readonly startedMs = performance.now()
  readonly topics: readonly string[]
  readonly #loads = new Map<string, FaultLoad[]>()
  readonly #figures: FigureKeeper
  #before: ReadonlyMap<string, Metrics> = new Map()

  private constructor(context: RowContext, bed: OutageBed, topics: readonly string[]) {
    this.context = context
    this.bed = bed
    this.topics = topics
    const [first, ...others] = bed.proxies
    if (first === undefined) throw new Error('a row needs a proxy')
    this.#figures = new FigureKeeper(context.name, context, first)
    for (const proxy of others) this.#figures.watch(proxy)
  }

  /** Begins the load on every topic over every proxy, and waits until each of them was answered. */
  static async begin(context: RowContext, bed: OutageBed, options: RowOptions = {}): Promise<OutageRow> {
    const row = new OutageRow(context, bed, options.topics ?? Object.keys(bed.topics))
    const { eventsPerSecond = fullLength ? 10_000 : 2000 } = options
    row.#before = await row.#scrapeAll()
    const proxies = bed.proxies.filter(({ process }) => process.running)
    const requestsPerSecond = eventsPerSecond / (eventsPerRequest * row.topics.length * proxies.length)
    for (const topic of row.topics) {
      const shape = { topic, requestsPerSecond, eventsPerRequest, eventBytes, connections: 256 }
      row.#loads.set(
        topic,
        proxies.map(({ url }) => new FaultLoad({ url, ...shape })),
      )
    }
    context.after(() => Promise.all(row.loads.map((load) => load.abort())).then(() => undefined))
    await row.#flowing(2)
    return row
  }

  get loads(): readonly FaultLoad[] {
    return [...this.#loads.values()].flat()
  }

  /** The loads of topics of one class, or of one topic. */
  of(what: 'fast' | 'durable' | string): readonly FaultLoad[] {
    return this.loads.filter(({ topic }) => topic === what || this.bed.topics[topic]?.delivery === what)
  }

  requests(what: 'fast' | 'durable' | string, fromMs = 0, toMs = Number.POSITIVE_INFINITY): LoadedRequest[] {
    return this.of(what).flatMap((load) => load.between(fromMs, toMs))
  }

  /** The load goes on for so long. */
  async during(ms: number): Promise<void> {
    await sleep(ms)
  }

  /** Into the diagnostics and the report; the name says the unit. Absent is written as nothing. */
  note(name: string, value: number | undefined): void {
    if (value === undefined) return
    this.context.diagnostic(`${name}: ${Math.round(value * 1000) / 1000}`)
    this.#figures.more[name] = value
  }

  /** The ledger looks out for the first event of each load that is sent from now on. */
  watchFromNow(): void {
    this.bed.ledger.watch(new Map(this.loads.map(({ run, nextIndex }) => [run, nextIndex])))
  }

  /** Waits until every load was answered with an acceptance that was sent from now on. */
  async flowAgain(timeoutMs = 60_000): Promise<void> {
    const fromMs = performance.now()
    await waitFor(
      () =>
        this.loads.every(({ requests }) =>
          requests.some(({ dueMs, fate }) => dueMs > fromMs && fate === 'accepted'),
        ),
      { describe: 'every load to be accepted again', timeoutMs, state: () => this.state },
    )
  }

  /** What became of the last requests, and the logs. */
  get state(): unknown {
    const last = this.loads.map(({ topic, requests }) => {
      return {
        topic,
        last: requests.slice(-2).map(({ fate, status, reason }) => `${fate} ${status} ${reason}`),
      }
    })
    return { last, logs: this.bed.logs }
  }

  /**
   * Ends the loads and waits until every event has its outcome on every proxy that runs, conservation holds there, and nothing that was
   * accepted is missing with the readers; when something is, until nothing has come for 10 s.
   */
  async settle(timeoutMs = 120_000): Promise<void> {
    await Promise.all(this.loads.map((load) => load.stop()))
    for (const { url, process } of this.bed.proxies.filter(({ process: { running } }) => running)) {
      await waitFor(async () => sumOf(await scrape(url), 'forebay_events_in_flight') === 0, {
        describe: `nothing in flight in ${url}`,
        timeoutMs: 60_000,
        state: () => process.output.slice(-4000),
      })
      assertConserved(await scrape(url))
    }
    this.#figures.look()
    await this.#arrived(timeoutMs)
  }

  async #arrived(timeoutMs: number): Promise<void> {
    const { ledger } = this.bed
    const endsAtMs = performance.now() + timeoutMs
    const quietFromMs = performance.now()
    while (ledger.missing(this.loads) > 0 && performance.now() < endsAtMs) {
      const quietMs = Math.min(
        performance.now() - quietFromMs,
        ...this.topics.map((topic) => ledger.quietMs(topic)),
      )
      if (quietMs > 10_000) return
      await sleep(200)
    }
    // Duplicates come late.
    await sleep(500)
  }

  /** Of this row's loads on the topic; printed and kept. Never sent must be 0 in every row. */
  async verdict(topic: string): Promise<OutageVerdict> {
    const loads = this.#loads.get(topic) ?? []
    const verdict = await this.bed.ledger.verdict(topic, loads, this.bed.places)
    const { lossAtMs, ...numbers } = verdict
    const resent = await this.grown('forebay_events_resent_total', `topic="${topic}"`)
    this.context.diagnostic(`${topic}: ${JSON.stringify({ ...numbers, resent })}`)
    const refused = loads.flatMap(({ requests }) => requests.filter(({ fate }) => fate === 'refused')).length
    const durable = this.bed.topics[topic]?.delivery === 'durable'
    this.#figures.judged(topic, { durable, refused, verdict })
    this.#figures.resent(topic, resent)
    assert.equal(verdict.neverSent, 0, `${topic}: events arrived that were refused or never sent`)
    return verdict
  }

  /** How much a counter grew since the row began, over all proxies that run. */
  async grown(name: string, ...labels: readonly string[]): Promise<number> {
    let sum = 0
    for (const [url, metrics] of await this.#scrapeAll())
      sum += sumOf(metrics, name, ...labels) - sumOf(this.#before.get(url) ?? new Map(), name, ...labels)
    return sum
  }

  /** Of a metric that a process of this build may not have yet: then `undefined`. */
  async grownIfKnown(name: string, ...labels: readonly string[]): Promise<number | undefined> {
    const all = [...(await this.#scrapeAll()).values()]
    const isKnown = all.some((metrics) => [...metrics.keys()].some((key) => key.startsWith(name)))
    return isKnown ? this.grown(name, ...labels) : undefined
  }

  async #scrapeAll(): Promise<ReadonlyMap<string, Metrics>> {
    const { proxies, router, controls } = this.bed
    const all = [...proxies, ...controls, ...(router === undefined ? [] : [router])]
    const found = await Promise.all(
      all
        .filter(({ process }) => process.running)
        .map(async ({ url }) => [url, await scrape(url).catch((): Metrics => new Map())] as const),
    )
    return new Map(found)
  }

  async #flowing(requests: number): Promise<void> {
    await waitFor(
      () =>
        this.loads.every(
          (load) => load.requests.filter(({ fate }) => fate === 'accepted').length >= requests,
        ),
      { describe: 'every load to be accepted', timeoutMs: 60_000, state: () => this.state },
    )
  }
}
