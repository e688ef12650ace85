import type { JobUpdate, RoutingJob } from './consume/routing-job.ts'
import type { JobSpec } from './plan.ts'

export interface SupervisedJobOptions {
  readonly spec: JobSpec
  readonly make: (spec: JobSpec, onCrash: (error: unknown) => void) => RoutingJob
  /** After the job has stopped. */
  readonly release: (spec: JobSpec) => Promise<void>
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
}

const firstBackOffMs = 1_000
const longestBackOffMs = 60_000

/** Keeps one routing job running: one that crashes is stopped and made anew after a pause, alone. */
export class SupervisedJob {
  readonly #options: SupervisedJobOptions
  #spec: JobSpec
  #job: RoutingJob | undefined
  /** What `make` was given last, and `release` is to be given. */
  #made: JobSpec
  #crashes = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  /** One start or stop at a time. */
  #last: Promise<void> = Promise.resolve()

  constructor(options: SupervisedJobOptions) {
    this.#options = options
    this.#spec = options.spec
    this.#made = options.spec
  }

  /** As the placement has it now. */
  get spec(): JobSpec {
    return this.#spec
  }

  get job(): RoutingJob | undefined {
    return this.#job
  }

  start(): void {
    if (this.#stopped || this.#job !== undefined) return
    this.#made = this.#spec
    const job = this.#options.make(this.#spec, (error) => this.#onCrash(job, error))
    this.#job = job
    job.start()
  }

  /** `isSameJob` holds. */
  update(spec: JobSpec): void {
    this.#spec = spec
    this.#job?.update(updateOf(spec))
  }

  /** Delivers, commits, and leaves the group. Never rejects. */
  stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    return this.#end()
  }

  #onCrash(job: RoutingJob, error: unknown): void {
    if (this.#job !== job || this.#timer !== undefined || this.#stopped) return
    const backOffMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(this.#crashes, 10))
    this.#crashes += 1
    this.#options.warn({ job: this.spec.key, err: error, backOffMs }, 'a routing job failed and starts again')
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#end().then(() => this.start())
    }, backOffMs)
  }

  #end(): Promise<void> {
    this.#last = this.#last.then(async () => {
      const job = this.#job
      if (job === undefined) return
      await job.stop()
      this.#job = undefined
      try {
        await this.#options.release(this.#made)
      } catch (error) {
        this.#options.warn({ job: this.spec.key, err: error }, 'not everything of a job could be closed')
      }
    })
    return this.#last
  }
}

function updateOf({ route, draining, after }: JobSpec): JobUpdate {
  return { paused: route.state === 'paused', draining, gated: after.length > 0 }
}
