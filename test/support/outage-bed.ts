import { join } from 'node:path'
import { withAdmin } from '../../load/verify/kafka-reader.ts'
import type { RunningProxy } from '../integration/proxy-support.ts'
import { freePort } from './free-port.ts'
import { OutageCluster, type OutageClusterOptions } from './outage-cluster.ts'
import { OutageControl } from './outage-control.ts'
import { EventLog } from './outage-events.ts'
import { HookRecorder } from './outage-hooks.ts'
import { type LedgerCluster, OutageLedger } from './outage-ledger.ts'
import { ProxyScraper } from './outage-scraper.ts'
import { type StartOptions, startProcess, type TestProcess } from './process.ts'
import { type Cleanup, temporaryFolder } from './temporary-folder.ts'

export interface OutageTopic {
  readonly delivery: 'fast' | 'durable'
  /** Default 6. */
  readonly partitions?: number
  /** Where the router takes it; default the consumer cluster, and a folder where there is none. */
  readonly sinks?: readonly ('kafka' | 'file')[]
}

export interface OutageBedOptions {
  /** By full name, `namespace.topic`. */
  readonly topics: Readonly<Record<string, OutageTopic>>
  /** Default a cluster of its own with 3 brokers; or the addresses of one that others own. */
  readonly fronting?: OutageClusterOptions | readonly string[]
  /** Brokers of the standby; default 1, 0 = there is none. */
  readonly standbyBrokers?: number
  /** Default true; without it arrivals are looked for on the fronting cluster. */
  readonly consumer?: boolean
  /** Default 3. */
  readonly proxies?: number
  /** Default true. */
  readonly router?: boolean
  /** Replicas of the control plane; more than one need `store`. Default 1. */
  readonly controls?: number
  /** Default a SQLite file. */
  readonly store?: string
  readonly controlArgs?: readonly string[]
  readonly proxyArgs?: readonly string[]
  /** What followers are told instead of the control plane's own URLs: a faulty proxy before it. */
  readonly controlSeenAs?: (urls: readonly string[]) => Promise<readonly string[]>
  readonly process?: StartOptions
}

/** One process of Forebay that may be killed, paused and started again at the same address. */
export interface BedProcess {
  readonly name: string
  readonly url: string
  process: TestProcess
  readonly args: readonly string[]
}

export const frontingName = 'fronting-a'
export const standbyName = 'standby-a'

/**
 * Everything that a failover needs, as real processes: a fronting cluster, its standby, the readers' cluster, control plane, proxies
 * and router. Made once for a file of rows that heal.
 */
export class OutageBed {
  readonly fronting: OutageCluster | undefined
  readonly standby: OutageCluster | undefined
  readonly consumer: OutageCluster | undefined
  readonly frontingBootstrap: readonly string[]
  readonly topics: Readonly<Record<string, OutageTopic>>
  readonly hooks: HookRecorder
  readonly control: OutageControl
  readonly controls: readonly BedProcess[]
  readonly events: EventLog
  readonly ledger = new OutageLedger()
  readonly proxies: BedProcess[] = []
  readonly scraper: ProxyScraper
  router: BedProcess | undefined
  /** The router's data; a file route writes below `files/<route>`. */
  readonly routerFolder: string
  readonly #owner: Cleanup
  readonly #options: OutageBedOptions
  #followed: readonly string[] = []

  private constructor(
    owner: Cleanup,
    options: OutageBedOptions,
    parts: Pick<OutageBed, 'fronting' | 'standby' | 'consumer' | 'frontingBootstrap' | 'hooks' | 'controls'>,
  ) {
    this.#owner = owner
    this.#options = options
    this.topics = options.topics
    this.routerFolder = temporaryFolder(owner)
    this.fronting = parts.fronting
    this.standby = parts.standby
    this.consumer = parts.consumer
    this.frontingBootstrap = parts.frontingBootstrap
    this.hooks = parts.hooks
    this.controls = parts.controls
    this.control = new OutageControl(parts.controls.map(({ url }) => url))
    this.events = new EventLog(this.control)
    this.scraper = new ProxyScraper(() => this.running)
  }

  /** Started, the topics made, every process ready; all of it ends after whatever `owner` stands for. */
  static async start(owner: Cleanup, options: OutageBedOptions): Promise<OutageBed> {
    const { fronting = { brokers: 3 }, standbyBrokers = 1, consumer = true } = options
    const own = 'brokers' in fronting ? OutageCluster.start(owner, fronting) : undefined
    const [front, standby, readers, hooks] = await Promise.all([
      own,
      standbyBrokers === 0 ? undefined : OutageCluster.start(owner, { brokers: standbyBrokers }),
      consumer ? OutageCluster.start(owner, { brokers: 1 }) : undefined,
      HookRecorder.start(owner),
    ])
    const controls = await startControls(owner, options, hooks)
    const bed = new OutageBed(owner, options, {
      ...{ fronting: front, standby, consumer: readers, hooks, controls },
      frontingBootstrap: front?.bootstrap ?? ('brokers' in fronting ? [] : fronting),
    })
    owner.after(() => bed.#stop())
    await bed.control.apply(bed.#documents())
    const urls = bed.control.urls
    bed.#followed = (await options.controlSeenAs?.(urls)) ?? urls
    await Promise.all([
      ...Array.from({ length: options.proxies ?? 3 }, () => bed.addProxy()),
      options.router === false ? undefined : bed.#addRouter(),
      bed.ledger.follow(
        (readers ?? bed.places[0] ?? { bootstrap: [] }).bootstrap,
        Object.keys(options.topics),
      ),
    ])
    return bed
  }

  /** Proxies that have not ended. */
  get running(): readonly RunningProxy[] {
    return this.proxies.filter(({ process }) => process.running)
  }

  /** Where accepted events may lie. */
  get places(): readonly LedgerCluster[] {
    const places = [{ name: frontingName, bootstrap: this.frontingBootstrap }]
    if (this.standby !== undefined) places.push({ name: standbyName, bootstrap: this.standby.bootstrap })
    return places
  }

  /** The ends of all logs, for failures. */
  get logs(): string {
    const all = [...this.controls, ...this.proxies, ...(this.router === undefined ? [] : [this.router])]
    return all.map(({ name, process }) => `--- ${name}\n${process.output.slice(-3000)}`).join('\n')
  }

  async addProxy(): Promise<BedProcess> {
    const args = [
      ...['--data-dir', temporaryFolder(this.#owner), '--control', this.#followed.join(',')],
      ...['--drain-grace', '0s', '--log-level', 'info', ...(this.#options.proxyArgs ?? [])],
    ]
    const proxy = await this.#begin(`proxy`, args)
    this.proxies.push(proxy)
    return proxy
  }

  /** Names of all topics of the standby, as kafkajs sees them. */
  async standbyTopics(): Promise<readonly string[]> {
    return this.standby === undefined ? [] : withAdmin(this.standby.bootstrap, (admin) => admin.listTopics())
  }

  /** Starts it again at its address with its own data; `more` arguments are for this time only. */
  async startAgain(one: BedProcess, more: readonly string[] = []): Promise<void> {
    one.process = startProcess(this.#owner, one.name, [...one.args, ...more], this.#options.process)
    await one.process.waitForReady(one.url)
  }

  /** Ends the control planes and starts them again with these settings; the store stays. */
  async restartControls(args: readonly string[]): Promise<void> {
    for (const control of this.controls) {
      await control.process.stop()
      await this.startAgain(control, args)
    }
  }

  async #addRouter(): Promise<void> {
    const args = [
      '--data-dir',
      this.routerFolder,
      '--control',
      this.#followed.join(','),
      '--session-timeout',
      '6s',
    ]
    this.router = await this.#begin('router', args)
  }

  #begin(name: 'proxy' | 'router', args: readonly string[]): Promise<BedProcess> {
    return begin(this.#owner, name, args, this.#options.process)
  }

  #documents(): object[] {
    const { standby, consumer } = this
    const cluster = (name: string, role: string, bootstrap: readonly string[], more = {}) => {
      return { kind: 'Cluster', name, role, bootstrap, ...more }
    }
    return [
      ...(standby === undefined ? [] : [cluster(standbyName, 'standby', standby.bootstrap)]),
      ...(consumer === undefined ? [] : [cluster('consumer', 'consumer', consumer.bootstrap)]),
      cluster(
        frontingName,
        'fronting',
        this.frontingBootstrap,
        standby === undefined ? {} : { standby: standbyName },
      ),
      ...Object.entries(this.topics).flatMap(([name, { delivery, partitions = 6, sinks }]) => [
        { kind: 'Topic', name, owner: 'test', cluster: frontingName, delivery, partitions },
        ...(sinks ?? [consumer === undefined ? 'file' : 'kafka']).map((type) => {
          return { kind: 'Route', topic: name, sink: { type } }
        }),
      ]),
    ]
  }

  async #stop(): Promise<void> {
    await Promise.all([this.scraper.stop(), this.events.stop(), this.ledger.stop()])
  }
}

async function startControls(
  owner: Cleanup,
  { controls = 1, store, controlArgs = [], process: how }: OutageBedOptions,
  hooks: HookRecorder,
): Promise<readonly BedProcess[]> {
  const location = store ?? join(temporaryFolder(owner), 'control.sqlite')
  const args = ['--store', location, ...hooks.args, ...controlArgs]
  return Promise.all(Array.from({ length: controls }, () => begin(owner, 'control', args, how)))
}

async function begin(
  owner: Cleanup,
  name: string,
  args: readonly string[],
  how: StartOptions | undefined,
): Promise<BedProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const all = ['--port', String(port), ...args]
  const process = startProcess(owner, name, all, how)
  await process.waitForReady(url)
  return { name, url, process, args: all }
}
