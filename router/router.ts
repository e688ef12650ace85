import type { Clock } from '../src/core/clock.ts'
import type { PlacementDocument } from '../src/core/placement.ts'
import type { Logger } from '../src/telemetry/logger.ts'
import { Clusters } from './clusters.ts'
import { type JobEvents, RoutingJob } from './consume/routing-job.ts'
import { isSameJob, type JobSpec, planJobs } from './plan.ts'
import type { RouteGauges } from './router-metrics.ts'
import { Sinks } from './sink/sinks.ts'
import { SupervisedJob } from './supervised-job.ts'

export interface RouterOptions {
  readonly dataDir: string
  /** Ids of the routes to carry; empty = all. */
  readonly routes: readonly string[]
  readonly commitIntervalMs: number
  readonly fetchMaxBytes: number
  readonly sessionTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly eventsOf: (route: string) => JobEvents
}

/** Turns the placement into running jobs, one per route and cluster that holds its topic, and keeps them as the placement says. */
export class Router {
  readonly #options: RouterOptions
  readonly #clusters: Clusters
  readonly #sinks: Sinks
  readonly #jobs = new Map<string, SupervisedJob>()
  /** Jobs on their way out, by key: a new one of the same key waits for its predecessor. */
  readonly #leaving = new Map<string, Promise<void>>()
  #draining = false

  constructor(options: RouterOptions) {
    this.#options = options
    this.#clusters = new Clusters(options)
    this.#sinks = new Sinks({
      dataDir: options.dataDir,
      clock: options.clock,
      producerOf: ({ target }) => {
        if (target === undefined) throw new TypeError('a job without a target cluster')
        return this.#clusters.producer(target)
      },
    })
  }

  /** Takes a placement: starts, stops, pauses and resumes what it changes, and leaves the rest alone. */
  apply(document: PlacementDocument): void {
    if (this.#draining) return
    const wanted = new Map(planJobs(document, this.#options.routes).map((spec) => [spec.key, spec]))
    for (const [key, running] of this.#jobs) {
      const spec = wanted.get(key)
      if (spec === undefined || !isSameJob(spec, running.spec)) this.#end(key, running)
    }
    for (const [key, spec] of wanted) {
      const running = this.#jobs.get(key)
      if (running === undefined) this.#begin(spec)
      else running.setPaused(spec.route.state === 'paused')
    }
  }

  /** Delivers what is in hand, commits, and leaves all groups. Never rejects; the caller bounds the time. */
  async drain(): Promise<void> {
    this.#draining = true
    for (const [key, job] of this.#jobs) this.#end(key, job)
    await Promise.all(this.#leaving.values())
    await this.#clusters.close()
  }

  /** Per route, over all clusters that it is read from. */
  gauges(): ReadonlyMap<string, RouteGauges> {
    const routes = new Map<string, RouteGauges>()
    for (const { spec, job } of this.#jobs.values()) {
      const before = routes.get(spec.route.id)
      routes.set(spec.route.id, {
        lagRecords: (before?.lagRecords ?? 0) + (job?.lagRecords() ?? 0),
        freshnessSeconds: Math.max(before?.freshnessSeconds ?? 0, job?.freshnessSeconds() ?? 0),
      })
    }
    return routes
  }

  /** For `/readyz?verbose`: the partitions that each job owns. */
  owned(): Readonly<Record<string, readonly number[]>> {
    return Object.fromEntries([...this.#jobs].map(([key, { job }]) => [key, job?.partitions ?? []]))
  }

  #begin(spec: JobSpec): void {
    const { logger } = this.#options
    const job = new SupervisedJob({
      spec,
      make: (one, onCrash) => this.#make(one, onCrash),
      release: (one) => this.#sinks.release(one),
      warn: (detail, message) => logger.warn(detail, message),
    })
    this.#jobs.set(spec.key, job)
    const before = this.#leaving.get(spec.key) ?? Promise.resolve()
    void before.then(() => {
      if (this.#jobs.get(spec.key) === job) job.start()
    })
    logger.info({ job: spec.key, sink: spec.route.sink.type }, 'a routing job begins')
  }

  #end(key: string, job: SupervisedJob): void {
    this.#jobs.delete(key)
    this.#options.logger.info({ job: key }, 'a routing job ends')
    const before = this.#leaving.get(key) ?? Promise.resolve()
    const ended = before
      .then(() => job.stop())
      .finally(() => {
        if (this.#leaving.get(key) === ended) this.#leaving.delete(key)
      })
    this.#leaving.set(key, ended)
  }

  #make(spec: JobSpec, onCrash: (error: unknown) => void): RoutingJob {
    const { route, source, from } = spec
    const { clock, logger, commitIntervalMs, fetchMaxBytes, sessionTimeoutMs, eventsOf } = this.#options
    return new RoutingJob({
      route,
      clusterId: source.id,
      from,
      ...this.#clusters.source(source),
      sink: this.#sinks.take(spec),
      clock,
      logger,
      commitIntervalMs,
      fetchMaxBytes,
      sessionTimeoutMs,
      events: eventsOf(route.id),
      onCrash,
    })
  }
}
