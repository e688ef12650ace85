import type { ClusterReach } from './cluster-reach.ts'
import { isMilestone } from './milestone.ts'

export type GroupCall = 'join' | 'heartbeat' | 'commit' | 'read'

const firstBackOffMs = 200
const longestBackOffMs = 10_000
/** Members of many groups come back to a cluster at once: spread over this. */
const returnSpreadMs = 200

/** How long a member waits after a failure, and of which failures it speaks. */
export class GroupPatience {
  readonly #signal: AbortSignal
  readonly #reach: ClusterReach | undefined
  readonly #failures = new Map<GroupCall, number>()
  #waits = 0

  /** `signal` ends every wait. */
  constructor(signal: AbortSignal, reach: ClusterReach | undefined) {
    this.#signal = signal
    this.#reach = reach
  }

  succeeded(call: GroupCall): void {
    this.#failures.delete(call)
    if (call === 'join') this.#waits = 0
  }

  /** How often in a row, when that is worth a word. */
  failed(call: GroupCall): number | undefined {
    const failures = (this.#failures.get(call) ?? 0) + 1
    this.#failures.set(call, failures)
    return isMilestone(failures) ? failures : undefined
  }

  /** Growing pauses with jitter; while the cluster is away, until it is back. */
  async wait(): Promise<void> {
    const wasAway = this.#reach?.away === true
    await this.#reach?.untilBack(this.#signal)
    const longestMs = wasAway
      ? returnSpreadMs
      : Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(this.#waits, 10))
    this.#waits = wasAway ? 0 : this.#waits + 1
    await this.#pause(longestMs * (0.5 + Math.random() / 2))
  }

  /** Also ended by a change of the cluster's reach: going away means another wait, coming back none. */
  async #pause(ms: number): Promise<void> {
    if (this.#signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = () => resolve()
    const timer = setTimeout(resolve, ms)
    const stopListening = this.#reach?.onChange(stop)
    this.#signal.addEventListener('abort', stop)
    await promise
    this.#signal.removeEventListener('abort', stop)
    stopListening?.()
    clearTimeout(timer)
  }
}
