import type { Clock } from '../core/clock.ts'

export interface ClusterReachOptions {
  readonly clusterId: string
  readonly clock: Clock
  /** What that means while it is away, for the log: `what reads from it waits`. */
  readonly meaning: string
  /** Ask the cluster now whether it answers, and tell `answered` or `silent`. Not called while it is away. */
  readonly look: () => void
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
}

/**
 * Whether any broker of a cluster answers, as the one question about metadata tells that everybody who uses the cluster shares. While it
 * is away that question alone goes on; jobs, heartbeats and fetches wait here, so that a dead cluster costs the same however many routes
 * are read from it, and is complained of once.
 */
export class ClusterReach {
  readonly #options: ClusterReachOptions
  readonly #listeners = new Set<() => void>()
  #awaySinceMs: number | undefined

  constructor(options: ClusterReachOptions) {
    this.#options = options
  }

  /** No broker answered the last question. False before the first one. */
  get away(): boolean {
    return this.#awaySinceMs !== undefined
  }

  /** How long it has been away, in milliseconds; 0 = it is not. */
  get awayMs(): number {
    return this.#awaySinceMs === undefined ? 0 : this.#options.clock.monotonicMs() - this.#awaySinceMs
  }

  /** Somebody got no answer: it may be away. */
  suspect(): void {
    if (!this.away) this.#options.look()
  }

  answered(): void {
    if (this.#awaySinceMs === undefined) return
    const { clusterId, warn } = this.#options
    const awayMs = Math.round(this.awayMs)
    this.#awaySinceMs = undefined
    warn({ cluster: clusterId, awayMs }, 'the cluster answers again')
    this.#tell()
  }

  silent(error: unknown): void {
    if (this.#awaySinceMs !== undefined) return
    const { clusterId, clock, meaning, warn } = this.#options
    this.#awaySinceMs = clock.monotonicMs()
    warn({ cluster: clusterId, err: error }, `no broker of the cluster answers: ${meaning}`)
    this.#tell()
  }

  /** Called at each change, after `away` has changed; the function it gives back ends that. Must not throw. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolves at once while the cluster is not away, otherwise when it is back or `signal` ends the wait. Never rejects. */
  async untilBack(signal: AbortSignal): Promise<void> {
    if (!this.away || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const stopListening = this.onChange(resolve)
    const stop = () => resolve()
    signal.addEventListener('abort', stop)
    await promise
    stopListening()
    signal.removeEventListener('abort', stop)
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
