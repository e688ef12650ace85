import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TopicPlacement } from '../../src/core/placement.ts'
import {
  assertConserved,
  placementOf,
  type RunningProxy,
  readMetrics,
  startProxy,
} from '../integration/proxy-support.ts'
import type { FaultCluster } from './fault-brokers.ts'
import { type Offered, type Verdict, verdictOf } from './fault-checker.ts'
import { faultCluster } from './fault-cluster.ts'
import { FigureKeeper } from './fault-figures.ts'
import { FaultLoad, type FaultLoadOptions } from './fault-load.ts'
import { LoadApart } from './fault-load-apart.ts'
import { readAll } from './independent-reader.ts'
import { placedTopic } from './placed-topic.ts'
import type { StartOptions } from './process.ts'
import { rowCleanup } from './row-cleanup.ts'
import type { Cleanup } from './temporary-folder.ts'
import { makeTopic, partitionsLedBy, uniqueTopic } from './topics.ts'
import { waitFor } from './wait-for.ts'

/** Long times and strict figures: `npm run test:fault` without `--short`. */
export const full = process.env.TEST_FAULT_FULL === '1'
/** For the `skip` of what repeats another row in another way, so that the short form stays within ten minutes. */
export const longOnly = full ? false : 'only in the long form'

export interface FaultBedOptions {
  /** Names of the row's own; fast with 2 replicas, durable with 3 and min ISR 2; 6 partitions unless they say otherwise. */
  readonly topics: Readonly<Record<string, Partial<TopicPlacement>>>
  /** Brokers that hold each partition of a topic, the leader first. */
  readonly assignments?: Readonly<Record<string, readonly (readonly number[])[]>>
  readonly proxyArgs?: readonly string[]
  readonly proxyProcess?: StartOptions
  /** Starts one of the row's own instead of the one that rows share; what it needs at its end goes to `owner`. */
  readonly cluster?: (owner: Cleanup) => Promise<FaultCluster>
}

/** A load of a row's own kind. */
export interface JudgedLoad extends Offered {
  readonly topic: string
  stop(): Promise<void>
}

/** What one row of the fault table needs: the healthy cluster, topics of its own, and a proxy. */
export class FaultBed {
  readonly context: TestContext
  readonly cluster: FaultCluster
  readonly proxy: RunningProxy
  readonly #owner: Cleanup
  readonly #topics: ReadonlyMap<string, string>
  readonly #options: FaultBedOptions
  readonly #loads: FaultLoad[] = []
  readonly #others: JudgedLoad[] = []
  readonly #figures: FigureKeeper

  private constructor(
    context: TestContext,
    owner: Cleanup,
    cluster: FaultCluster,
    proxy: RunningProxy,
    topics: ReadonlyMap<string, string>,
    options: FaultBedOptions,
  ) {
    this.context = context
    this.#owner = owner
    this.cluster = cluster
    this.proxy = proxy
    this.#topics = topics
    this.#options = options
    this.#figures = new FigureKeeper(context.name, owner, proxy)
  }

  static async make(context: TestContext, options: FaultBedOptions): Promise<FaultBed> {
    const owner = rowCleanup(context)
    const cluster = (await options.cluster?.(owner)) ?? (await faultCluster())
    await cluster.heal()
    const topics = new Map<string, string>()
    for (const [name, choices] of Object.entries(options.topics)) {
      const topic = uniqueTopic(`fault-${name}`)
      topics.set(name, topic)
      const durable = choices.delivery === 'durable'
      const configs: Record<string, string> = { 'max.message.bytes': String(2 ** 21) }
      if (durable) configs['min.insync.replicas'] = '2'
      const { partitions = 6 } = choices
      const assignment = options.assignments?.[name]
      const shape = assignment === undefined ? { replicas: durable ? 3 : 2 } : { assignment }
      owner.after(await makeTopic(cluster.bootstrap, topic, { partitions, configs, ...shape }))
    }
    owner.after(() => cluster.heal())
    const proxy = await FaultBed.#startProxy(owner, cluster, topics, options)
    return new FaultBed(context, owner, cluster, proxy, topics, options)
  }

  static #startProxy(
    owner: Cleanup,
    cluster: FaultCluster,
    topics: ReadonlyMap<string, string>,
    { topics: choices, proxyArgs = [], proxyProcess }: FaultBedOptions,
    port?: number,
  ): Promise<RunningProxy> {
    const placed = [...topics].map(([name, topic]) => placedTopic(topic, { partitions: 6, ...choices[name] }))
    const args = ['--log-level', 'warn', '--drain-grace', '0s', ...proxyArgs]
    return startProxy(owner, placementOf(cluster.bootstrap, placed), args, { ...proxyProcess, port })
  }

  /** One more with the same topics and settings; `port`: of one that has ended. */
  async anotherProxy(port?: number): Promise<RunningProxy> {
    const proxy = await FaultBed.#startProxy(this.#owner, this.cluster, this.#topics, this.#options, port)
    this.#figures.watch(proxy)
    return proxy
  }

  /** Into the diagnostics and the report; the name says the unit. */
  note(name: string, value: number): void {
    this.context.diagnostic(`${name}: ${Math.round(value * 100) / 100}`)
    this.#figures.more[name] = value
  }

  topic(name: string): string {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new RangeError(`there is no topic ${name}`)
    return topic
  }

  /** Starts a load and waits until 10 requests are accepted. Default 20 requests/s of 50 events of 300 bytes. */
  async load(name: string, options: Partial<FaultLoadOptions> = {}): Promise<FaultLoad> {
    const load = this.startLoad(name, options)
    await waitFor(() => load.requests.filter(({ fate }) => fate === 'accepted').length >= 10, {
      describe: `the load on ${name} to be accepted`,
      state: () => ({ requests: load.requests.slice(-5), log: this.log }),
    })
    return load
  }

  /** The same without waiting: where nothing can be accepted. */
  startLoad(name: string, options: Partial<FaultLoadOptions> = {}): FaultLoad {
    const load = new FaultLoad(this.#loadOptions(name, options))
    this.#loads.push(load)
    this.#owner.after(() => load.abort())
    return load
  }

  /** The same on a thread of its own. */
  startLoadApart(name: string, options: Partial<FaultLoadOptions>): LoadApart {
    const load = new LoadApart(this.#loadOptions(name, options))
    this.judgeToo(load)
    return load
  }

  #loadOptions(name: string, options: Partial<FaultLoadOptions>): FaultLoadOptions {
    return {
      url: this.proxy.url,
      topic: this.topic(name),
      requestsPerSecond: 20,
      eventsPerRequest: 50,
      eventBytes: 300,
      connections: 32,
      ...options,
    }
  }

  /** `verdict` looks for its events too; it is stopped when the row is over. */
  judgeToo(load: JudgedLoad): void {
    this.#others.push(load)
    this.#owner.after(() => load.stop())
  }

  get log(): string {
    return this.proxy.process.output.slice(-4000)
  }

  /** The load goes on for so long. */
  async during(ms: number): Promise<void> {
    await sleep(ms)
  }

  /** Ends the loads, heals the cluster, and waits until every event in the proxy has its outcome. */
  async settle(): Promise<Map<string, number>> {
    const healed = this.cluster.heal()
    await Promise.all(this.#loads.map((load) => load.stop()))
    await healed
    if (!this.proxy.process.running) return new Map()
    await waitFor(async () => (await readMetrics(this.proxy)).get('forebay_events_in_flight') === 0, {
      describe: 'nothing in flight',
      timeoutMs: 60_000,
      state: () => this.log,
    })
    const metrics = await readMetrics(this.proxy)
    assertConserved(metrics)
    this.#figures.look()
    await this.cluster.heal()
    return metrics
  }

  /** Of all loads on the topic; printed. Never sent must be 0 in every row. */
  async verdict(name: string): Promise<Verdict> {
    const verdict = await this.#judge(name)
    assert.equal(verdict.neverSent, 0, `${name}: events arrived that were refused or never sent`)
    return verdict
  }

  async #judge(name: string): Promise<Verdict> {
    const topic = this.topic(name)
    const loads = [...this.#loads, ...this.#others].filter((load) => load.topic === topic)
    const verdict = await verdictOf(this.cluster.bootstrap, topic, loads)
    const { lossAtMs, ...numbers } = verdict
    this.context.diagnostic(`${name}: ${JSON.stringify(numbers)}`)
    const refused = loads.flatMap(({ requests }) => requests.filter(({ fate }) => fate === 'refused')).length
    const durable = this.#options.topics[name]?.delivery === 'durable'
    this.#figures.judged(name, { durable, refused, verdict })
    return verdict
  }

  /** The part of the topic's records that arrived at the proxy between the times and lies in partitions which the broker leads now. */
  async shareOfBroker(name: string, broker: number, fromMs: number, toMs: number): Promise<number> {
    const led = await partitionsLedBy(this.cluster.bootstrap, this.topic(name), broker)
    const records = await readAll(this.cluster.bootstrap, this.topic(name), { timeoutMs: 60_000 })
    const inside = records.filter(({ timestamp }) => {
      const atMs = timestamp - performance.timeOrigin
      return atMs >= fromMs && atMs < toMs
    })
    return inside.filter(({ partition }) => led.has(partition)).length / Math.max(1, inside.length)
  }

  /** Events of the topic that were sent again. */
  resent(metrics: ReadonlyMap<string, number>, name: string): number {
    return metrics.get(`forebay_events_resent_total{topic="${this.topic(name)}"}`) ?? 0
  }

  /** Nothing accepted is lost, and every duplicate is one that the proxy counted as resent. */
  async assertNothingLost(metrics: ReadonlyMap<string, number>, name: string): Promise<Verdict> {
    const verdict = await this.verdict(name)
    assert.equal(verdict.lost, 0, `${name}: accepted events are lost\n${this.log}`)
    this.assertDuplicates(metrics, name, verdict)
    return verdict
  }

  /**
   * acks=1: what the leader had acknowledged and no follower had fetched yet when it was lost is gone, and nothing else: events that
   * were accepted in the last second before the injection, or while it went on. Times on the clock of the loads.
   */
  async assertLostOnlyUnreplicated(
    metrics: ReadonlyMap<string, number>,
    name: string,
    injectedMs: number,
    injectionEndedMs = injectedMs,
  ): Promise<Verdict> {
    const verdict = await this.verdict(name)
    const times = verdict.lossAtMs.map((ms) => Math.round(ms - injectedMs))
    if (verdict.lost > 0) this.note(`${name} lost: earliest accepted, ms from the fault`, Math.min(...times))
    const outside = times.filter((ms) => ms < -1000 || ms > injectionEndedMs - injectedMs + 250)
    assert.deepEqual(outside, [], `${name}: lost, though not accepted right before the fault\n${this.log}`)
    this.assertDuplicates(metrics, name, verdict)
    return verdict
  }

  assertDuplicates(metrics: ReadonlyMap<string, number>, name: string, { duplicates }: Verdict): void {
    const resent = this.resent(metrics, name)
    this.#figures.resent(name, resent)
    assert.ok(duplicates <= resent, `${name}: ${duplicates} duplicates, ${resent} resent`)
  }
}

/** Milliseconds on the clock of the loads. */
export function nowMs(): number {
  return performance.now()
}
