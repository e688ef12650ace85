import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { processSettings } from '../config/processes.ts'
import type { Values } from '../config/setting.ts'
import { systemClock } from '../core/clock.ts'
import { Ledger } from '../core/outcome.ts'
import { registerFollowing } from '../placement/report.ts'
import { PlacementWatcher } from '../placement/watcher.ts'
import { type Figures, readFigures } from '../telemetry/figures.ts'
import type { Health, Readiness } from '../telemetry/health.ts'
import type { Logger } from '../telemetry/logger.ts'
import { addBufferMetrics } from './buffer/buffer-metrics.ts'
import { EventBuffer } from './buffer/event-buffer.ts'
import { createApp } from './http/app.ts'
import { closePort } from './http/close-port.ts'
import { Gate } from './http/gate.ts'
import { registerProxyMetrics } from './http/metrics.ts'
import { Traffic } from './http/traffic.ts'
import { Pipeline } from './pipeline.ts'
import { ClusterProducers, type Undelivered } from './produce/cluster-producers.ts'
import { addProduceMetrics } from './produce/produce-metrics.ts'
import { ProxyReadiness } from './readiness.ts'
import { newProxyId } from './report/proxy-id.ts'
import { Reporter, registerReportMetrics } from './report/reporter.ts'
import { ReportSender } from './report/sender.ts'
import { type ReportWindow, WindowTaker } from './report/window.ts'
import { TopicTable } from './topic-table.ts'
import type { ParentLink } from './workers/parent-link.ts'
import type { PlacementSource } from './workers/told-placement.ts'
import { wholeHealth, wholeRegistry } from './workers/whole-answers.ts'

export type ProxySettings = Values<(typeof processSettings)['proxy']>

/** Kept from the drain's time for the last answers and the way out. */
const lastWordsMs = 500

/** What is different in one worker of several. */
export interface WorkerParts {
  /** Instead of a watcher of its own. */
  readonly placements: PlacementSource
  /** Answers `/metrics` and `/readyz` for the whole proxy. */
  readonly whole: Pick<ParentLink, 'ask'>
}

/** One proxy, or one of its workers: its parts put together, its life from start to drain. Exits nowhere itself. */
export class ProxyProcess {
  readonly ledger = new Ledger()
  readonly #settings: ProxySettings
  readonly #logger: Logger
  readonly #gate = new Gate()
  readonly #topics = new TopicTable()
  readonly #watcher: PlacementSource
  readonly #registry: Registry
  readonly #health: Health
  readonly #sharesPort: boolean
  readonly #producers: ClusterProducers
  readonly #buffer: EventBuffer
  readonly #pipeline: Pipeline
  readonly #app: FastifyInstance
  readonly #windows: WindowTaker
  #reporter: Reporter | undefined

  constructor(settings: ProxySettings, logger: Logger, maxConnections: number, worker?: WorkerParts) {
    this.#settings = settings
    this.#logger = logger
    const { ledger } = this
    const clock = systemClock
    this.#sharesPort = worker !== undefined
    const snapshotFile = join(settings.dataDir, 'proxy-placement.json')
    this.#watcher =
      worker?.placements ??
      new PlacementWatcher({ ...settings, controlUrls: settings.control, snapshotFile, logger, clock })
    const confirmPlacement = () => this.#watcher.refresh()
    this.#producers = new ClusterProducers({ ...settings, clock, ledger, logger, confirmPlacement })
    this.#buffer = new EventBuffer({
      ...settings,
      limitBytes: settings.maxBufferBytes,
      clock,
      ledger,
      submit: (batch) => this.#producers.submit(batch),
    })
    this.#windows = new WindowTaker(
      {
        clusters: () => this.#producers.reportClusters(),
        settledVersion: () => this.#producers.settledVersion(),
      },
      () => this.#watcher.current,
      clock,
    )
    this.#pipeline = new Pipeline({ topics: this.#topics, room: this.#buffer, ledger, clock, settings })
    const traffic = new Traffic()
    this.#registry = this.#createRegistry(traffic)
    this.#health = this.#createHealth()
    this.#app = createApp({
      pipeline: this.#pipeline,
      gate: this.#gate,
      traffic,
      registry: worker === undefined ? this.#registry : wholeRegistry(worker.whole),
      health: worker === undefined ? this.#health : wholeHealth(worker.whole, this.#health),
      logger,
      limits: { ...settings, maxConnections },
    })
    this.#watcher.onChange((document) => {
      this.#producers.place(document)
      this.#topics.use(document)
      this.#buffer.place(this.#topics.clusterOf)
      const { version, leaseTerm } = document
      logger.info(
        { version, leaseTerm, topics: document.placements.length },
        'placement: a new one is in use',
      )
    })
  }

  /** Resolves when the port is open; placements may still be missing (`/readyz` says so). Rejects when the port cannot be opened. */
  async start(): Promise<void> {
    await this.#watcher.start()
    const { host, port } = this.#settings
    await this.#app.listen({ host, port, ...(this.#sharesPort ? { reusePort: true } : {}) })
    this.#logger.info({ host: this.#settings.host, port: this.port }, 'listening')
    if (!this.#sharesPort) this.#report()
  }

  /** The port that is open, also when 0 was asked for. */
  get port(): number {
    return (this.#app.server.address() as AddressInfo).port
  }

  /** What it did since this was last asked; for the parent's report. */
  window(): ReportWindow {
    return this.#windows.take()
  }

  /** The metrics of this process alone, of one instant. */
  figures(): Promise<Figures> {
    return readFigures(this.#registry)
  }

  /** Of this process alone; plain JSON. */
  readiness(): Readiness {
    return this.#health.readiness()
  }

  /**
   * Semantics "Drain": not ready, serve on for the grace, close the port, flush the buffer. `hurry` cuts it short. Resolves with what
   * was not delivered, in events, within `drainTimeoutMs`.
   */
  async drain(hurry: Promise<unknown>): Promise<Undelivered> {
    const startedMs = systemClock.monotonicMs()
    const { drainGraceMs, drainTimeoutMs } = this.#settings
    this.#gate.state = 'leaving'
    const graceMs = Math.max(0, Math.min(drainGraceMs, drainTimeoutMs - lastWordsMs))
    await Promise.race([delay(graceMs, undefined, { ref: false }), hurry])
    // Whoever still comes is served until the port is closed.
    await closePort(this.#app.server, hurry)
    this.#gate.state = 'shut'
    this.#pipeline.close()
    this.#buffer.flush()
    const deadlineMs = startedMs + Math.max(0, drainTimeoutMs - lastWordsMs)
    const drained = this.#producers.drain(deadlineMs)
    // Giving everything up lets the first drain end too, with the whole count.
    const hurried = hurry.then(() => this.#producers.drain(systemClock.monotonicMs()))
    hurried.catch((error: unknown) => this.#logger.error({ err: error }, 'drain-failed'))
    const undelivered = await drained
    await this.#finishAnswers()
    await this.#reporter?.stop()
    await this.#watcher.stop()
    return undelivered
  }

  /** A worker does not: its parent speaks for all. */
  #report(): void {
    const { control: controlUrls, token, id } = this.#settings
    const logger = this.#logger
    this.#reporter = new Reporter({
      sender: new ReportSender({ controlUrls, token, id: id || newProxyId(this.port) }),
      takeWindow: () => this.window(),
      placements: this.#watcher,
      clock: systemClock,
      logger,
    })
    registerReportMetrics(this.#registry, this.#reporter.counts)
    registerFollowing(this.#registry, this.#watcher)
    this.#reporter.start()
  }

  /** Lets the last durable answers out, then cuts what is left. */
  async #finishAnswers(): Promise<void> {
    const untilMs = systemClock.monotonicMs() + lastWordsMs / 2
    while (this.#pipeline.underWay > 0 && systemClock.monotonicMs() < untilMs) await delay(10)
    await delay(20)
    this.#app.server.closeAllConnections()
  }

  #createHealth(): Health {
    const watcher = this.#watcher
    const { health } = new ProxyReadiness({
      clock: systemClock,
      ledger: this.ledger,
      bytes: this.#buffer.budget.bytes,
      records: this.#buffer.records,
      clusters: () => this.#producers.states(),
      placement: () => ({ version: watcher.current?.version, ageMs: watcher.ageMs, counts: watcher.counts }),
      isDraining: () => this.#gate.state !== 'open',
    })
    return health
  }

  #createRegistry(traffic: Traffic): Registry {
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    registerProxyMetrics(registry, {
      ledger: this.ledger,
      traffic,
      placementVersion: () => this.#watcher.current?.version,
    })
    const { budget, records } = this.#buffer
    addBufferMetrics(registry, { bytes: budget.bytes, records, clusters: () => this.#topics.clusters() })
    addProduceMetrics(registry, this.#producers)
    return registry
  }
}
