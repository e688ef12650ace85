import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { FailoverControl } from '../../../../src/control/drive/failover-control.ts'
import type { ProxyRegister, Watch } from '../../../../src/control/drive/senses.ts'
import type { Effect, EffectRunner } from '../../../../src/control/failover/effect.ts'
import type { MadeTopic, Operation, StepResult } from '../../../../src/control/failover/operation.ts'
import { defaultRules, type FailoverRules } from '../../../../src/control/failover/rules.ts'
import type {
  Authority,
  Authorship,
  Change,
  ControlStore,
} from '../../../../src/control/store/control-store.ts'
import { openStore } from '../../../../src/control/store/open-store.ts'
import type { StoredEvent } from '../../../../src/control/store/records.ts'
import { StateFeed } from '../../../../src/control/store/state-feed.ts'
import { StoreError } from '../../../../src/control/store/store-error.ts'
import { Problem } from '../../../../src/core/problems.ts'
import type { ClusterSpec } from '../../../../src/core/resources.ts'
import { lead } from '../../../support/store-contract.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { placedAt, topicSpec } from '../failover/topics.ts'
import { fine, type Weather } from '../failover/weather.ts'

export const topicNames = ['web.a', 'web.b', 'web.c']

/** Moved by hand, both clocks alike. */
export class HandClock {
  #ms = 1_000_000
  monotonicMs(): number {
    return this.#ms
  }
  wallMs(): number {
    return 1_700_000_000_000 + this.#ms
  }
  pass(ms: number): void {
    this.#ms += ms
  }
}

/** Everything is well with each step, and a publish is committed as a real one would be. */
export class FakeRunner implements EffectRunner {
  readonly ran: Effect[] = []
  /** Asked before each effect is run; what it throws fails the step. */
  before: (effect: Effect, stopped: AbortSignal) => Promise<void> | void = () => undefined
  after: (effect: Effect) => Promise<void> | void = () => undefined
  readonly #store: ControlStore
  readonly #feed: StateFeed

  constructor(store: ControlStore, feed: StateFeed) {
    this.#store = store
    this.#feed = feed
  }

  async run(effect: Effect, stopped: AbortSignal): Promise<StepResult> {
    await this.before(effect, stopped)
    this.ran.push(effect)
    const result = await this.#do(effect)
    await this.after(effect)
    return result
  }

  async #do({ body, term, dryRun }: Effect): Promise<StepResult> {
    switch (body.kind) {
      case 'create-topics':
      case 'ensure-topics':
        return {
          kind: 'topics',
          topics: body.topics.map((move) => made(body.cluster, move.topic, move.partitions)),
        }
      case 'publish': {
        const changes: Change[] = body.placements.map((placement) => ({ action: 'place', placement }))
        if (!dryRun)
          await this.#store.commit([...changes, ...(await this.#provisioned(body.made))], {
            actor: 'effects',
            term,
          })
        await this.#feed.refresh()
        return { kind: 'version', version: (await this.#store.position()).version }
      }
      case 'await-acknowledged':
        return { kind: 'proxies', acknowledged: 3, ended: [] }
      case 'read-end-offsets':
        return {
          kind: 'offsets',
          offsets: body.topics.map(({ topic, topicId }) => ({ topic, topicId, ends: [1, 2, 3] })),
        }
      default:
        return { kind: 'none' }
    }
  }

  async #provisioned(topics: readonly MadeTopic[]): Promise<readonly Change[]> {
    const { Topic } = await this.#store.load()
    return topics.map(({ topic: name, ...own }) => {
      const known = Topic.get(name)?.provisioned.filter(({ cluster }) => cluster !== own.cluster) ?? []
      return { action: 'provisioned', kind: 'Topic', name, provisioned: [...known, own] }
    })
  }
}

function made(cluster: string, topic: string, partitions: number): MadeTopic {
  return { topic, cluster, topicId: `${cluster}-${topic}`, partitions, replicas: 1, minInSync: 1 }
}

/** Sees what the test says, and nothing on its own. */
export class FakeSenses implements Watch, ProxyRegister {
  readonly weather = new Map<string, Weather>()
  readonly stalls: number[] = []
  watched: readonly ClusterSpec[] = []
  standbyAnswers = true
  watch(clusters: readonly ClusterSpec[]): void {
    this.watched = clusters
  }
  window(cluster: string) {
    return this.weather.get(cluster)?.watch
  }
  rates(): ReadonlyMap<string, number> {
    return new Map([['web.b', 100]])
  }
  facts() {
    return this.standbyAnswers ? { brokers: 1, partitions: 0 } : undefined
  }
  of(cluster: string) {
    const { reports = [], liveProxies } = this.weather.get(cluster) ?? {}
    return { reports, liveProxies: liveProxies ?? reports.length }
  }
  stalled(nowMs: number): void {
    this.stalls.push(nowMs)
  }
}

export interface DriveBedOptions {
  readonly rules?: Partial<FailoverRules>
  readonly isOff?: boolean
  readonly clusters?: readonly ClusterSpec[]
}

export const frontingA: ClusterSpec = {
  name: 'fronting-a',
  role: 'fronting',
  bootstrap: ['h:1'],
  standby: 'standby-a',
}
const standbyA: ClusterSpec = { name: 'standby-a', role: 'standby', bootstrap: ['h:2'] }

/** A leader with a real store, and a world that the test says. Time passes by `seconds` only. */
export class DriveBed {
  readonly clock: HandClock
  readonly store: ControlStore
  readonly feed: StateFeed
  readonly senses = new FakeSenses()
  readonly runner: FakeRunner
  readonly #options: DriveBedOptions
  control: FailoverControl
  term: number | undefined

  private constructor(store: ControlStore, feed: StateFeed, clock: HandClock, options: DriveBedOptions) {
    this.store = store
    this.feed = feed
    this.clock = clock
    this.#options = options
    this.runner = new FakeRunner(store, feed)
    this.control = this.#make()
  }

  static async make(t: TestContext, options: DriveBedOptions = {}): Promise<DriveBed> {
    const clock = new HandClock()
    const store = await openStore(join(temporaryFolder(t), 'control.sqlite'), {
      wallMs: () => clock.wallMs(),
      onTrouble: () => undefined,
    })
    const by = await lead(store)
    const specs = [standbyA, ...(options.clusters ?? [frontingA])]
    const topics = topicNames.map((name) => placedAt(topicSpec(name)))
    await store.commit(
      [
        ...specs.map((spec): Change => ({ action: 'put', kind: 'Cluster', spec })),
        ...topics.flatMap(({ spec, provisioned, placement }): Change[] => [
          { action: 'put', kind: 'Topic', spec, provisioned },
          { action: 'place', placement },
        ]),
      ],
      by,
    )
    await store.releaseLease(by.term)
    const bed = new DriveBed(store, await StateFeed.open(store), clock, options)
    t.after(async () => {
      await bed.control.stop()
      await store.close()
    })
    for (const { name } of specs) bed.senses.weather.set(name, fine)
    await bed.lead()
    return bed
  }

  /** Begins to lead under a new term. */
  async lead(): Promise<void> {
    const { term } = await lead(this.store)
    await this.feed.refresh()
    this.term = term
    this.control.change(term)
    await this.changed()
  }

  /** As kill -9 leaves it: what was under way is not waited for and not stored. */
  async die(): Promise<void> {
    const { term } = this
    this.term = undefined
    if (term !== undefined) await this.store.releaseLease(term)
    const { control } = this
    void control.stop()
    this.control = this.#make()
  }

  /** One second after the other with this weather at fronting-a; everything that each begins is finished. */
  async seconds(count: number, weather?: Weather, cluster = 'fronting-a'): Promise<void> {
    if (weather !== undefined) this.senses.weather.set(cluster, weather)
    for (let second = 0; second < count; second += 1) {
      this.clock.pass(1000)
      this.control.loop.tick()
      await this.control.loop.settled()
      await this.control.operations.settled()
    }
  }

  /** The same, without waiting for operations. */
  async ticks(count: number, weather: Weather): Promise<void> {
    this.senses.weather.set('fronting-a', weather)
    for (let second = 0; second < count; second += 1) {
      this.clock.pass(1000)
      this.control.loop.tick()
      await this.control.loop.settled()
    }
  }

  authority(by: Authorship): Authority {
    if (this.term === undefined) throw new Problem('not-leading', 'the test says so')
    return { ...by, term: this.term }
  }

  async events(prefix: string): Promise<readonly StoredEvent[]> {
    return (await this.store.events(0, 100_000)).filter(({ kind }) => kind.startsWith(prefix))
  }

  placedOn(cluster: string): readonly string[] {
    return this.feed.placements.filter((placement) => placement.cluster === cluster).map(({ topic }) => topic)
  }

  /** Until no operation is open. */
  async ended(): Promise<void> {
    await waitFor(async () => (await this.store.operations({ open: true })).length === 0, {
      describe: 'the end of every operation',
      intervalMs: 5,
      state: () => this.control.operations.running.map(({ steps }) => steps),
    })
    await this.control.operations.settled()
  }

  running(): Operation | undefined {
    return this.control.operations.running[0]
  }

  /** Resolves when the change of leading is carried out. */
  async changed(): Promise<void> {
    await waitFor(() => this.#leading === this.term, { describe: 'it leads', intervalMs: 1 })
  }

  #leading: number | undefined

  #make(): FailoverControl {
    const { rules, isOff = false } = this.#options
    return new FailoverControl({
      store: this.store,
      feed: this.feed,
      watch: this.senses,
      register: this.senses,
      runner: this.runner,
      rules: { ...defaultRules, ...rules },
      clock: this.clock,
      logger: pino({ level: 'silent' }),
      term: () => this.term,
      authority: (by) => this.authority(by),
      canWake: false,
      isOff,
      retry: { hookAttempts: 3, firstDelayMs: 1, longestDelayMs: 5 },
      changed: (term) => {
        this.#leading = term
      },
    })
  }
}

/** For a runner that is to fail as one that was deposed. */
export function deposed(): StoreError {
  return new StoreError('not-leading', 'the test says so')
}
