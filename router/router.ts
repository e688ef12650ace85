import type { Clock } from '../src/core/clock.ts'
import { groupIdOf, type PlacementDocument } from '../src/core/placement.ts'
import type { Logger } from '../src/telemetry/logger.ts'
import { Clusters } from './clusters.ts'
import { DrainGate } from './consume/drain-gate.ts'
import { drainedHolder } from './consume/drained-holder.ts'
import { type JobEvents, RoutingJob } from './consume/routing-job.ts'
import { isSameJob, type JobSpec, jobKey, planJobs } from './plan.ts'
import type { JobGauges } from './router-metrics.ts'
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
  readonly eventsOf: (route: string, cluster: string) => JobEvents
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
      else running.update(spec)
    }
  }

  /** Delivers what is in hand, commits, and leaves all groups. Never rejects; the caller bounds the time. */
  async drain(): Promise<void> {
    this.#draining = true
    for (const [key, job] of this.#jobs) this.#end(key, job)
    await Promise.all(this.#leaving.values())
    await this.#clusters.close()
  }

  gauges(): readonly JobGauges[] {
    return [...this.#jobs.values()].map(({ spec, job }) => ({
      route: spec.route.id,
      cluster: spec.source.id,
      ...(job?.lag() ?? { records: 0, freshnessSeconds: 0 }),
    }))
  }

  /** For `/readyz?verbose`: what each job does, what it waits for, and how far it is behind. */
  states(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      [...this.#jobs].map(([key, { job }]) => [
        key,
        { ...(job?.state() ?? { state: 'waiting', for: 'its start' }), ...job?.lag() },
      ]),
    )
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
      release: (one) => this.#release(one),
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
    const { route, source, from, partitions, draining } = spec
    const { clock, logger, commitIntervalMs, fetchMaxBytes, sessionTimeoutMs, eventsOf } = this.#options
    const { fetcher, coordinators } = this.#clusters.take(source)
    return new RoutingJob({
      route,
      clusterId: source.id,
      partitions,
      draining,
      from,
      fetcher,
      coordinators,
      sink: this.#sinks.take(spec),
      gate: this.#gate(spec),
      clock,
      logger,
      commitIntervalMs,
      fetchMaxBytes,
      sessionTimeoutMs,
      events: eventsOf(route.id, source.id),
      onCrash,
    })
  }

  #gate({ key, route, after }: JobSpec): DrainGate | undefined {
    if (after.length === 0) return undefined
    const { clock, logger } = this.#options
    return new DrainGate({
      clock,
      inform: (detail, message) => logger.warn({ job: key, ...detail }, message),
      holders: after.map((cluster) =>
        drainedHolder({
          clusterId: cluster.id,
          groupId: groupIdOf(route.id),
          topic: route.topic,
          ...this.#clusters.take(cluster),
          deliveredHere: (partition) => this.#jobs.get(jobKey(route, cluster.id))?.job?.delivered(partition),
        }),
      ),
    })
  }

  async #release(spec: JobSpec): Promise<void> {
    try {
      await this.#sinks.release(spec)
    } finally {
      for (const cluster of [spec.source, ...spec.after]) await this.#clusters.release(cluster)
    }
  }
}
