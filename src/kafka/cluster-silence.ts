export interface ClusterSilenceOptions {
  readonly clusterId: string
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
  /** Somebody waits for the cluster now. */
  readonly isWaitedFor: () => boolean
}

const retryMs = 300
const longestRetryMs = 30_000

/** A cluster of which no broker answers: one line when that begins and one when it ends, and questions that become rare while nobody waits. */
export class ClusterSilence {
  readonly #options: ClusterSilenceOptions
  #silent = false

  constructor(options: ClusterSilenceOptions) {
    this.#options = options
  }

  get lasts(): boolean {
    return this.#silent
  }

  begin(error: unknown): void {
    const { clusterId, warn } = this.#options
    if (!this.#silent) warn({ cluster: clusterId, err: error }, 'no broker answers')
    this.#silent = true
  }

  end(): void {
    const { clusterId, warn } = this.#options
    if (this.#silent) warn({ cluster: clusterId }, 'brokers answer again')
    this.#silent = false
  }

  /** Before the next question, after the n-th failure in a row; with jitter where many proxies would ask in step. */
  pauseMs(failures: number): number {
    if (this.#options.isWaitedFor()) return retryMs
    return Math.min(longestRetryMs, retryMs * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2)
  }
}
