import type { Clock } from '../core/clock.ts'

/** What has gone wrong with this process itself, whatever the brokers do. */
export type WedgeReason = 'loop-late' | 'overdue'

export const beatMs = 500
/** A beat that comes so much later than it was due found the loop busy, or the process stopped. */
export const lateMs = 1000
/** So many late ones in a row: the loop goes on in jumps only. A process that was stopped, however long, wakes up with one. */
export const lateBeats = 5
/** A wait that has passed its own time limit by so much: whoever should have ended it does not. */
export const overdueLimitMs = 10_000
/** So many beats in a row found that: 5 s in which the loop turned, so that all timers that were late have run. */
export const overdueBeats = 10

/**
 * Says whether the process is wedged: it is alive, and what it should do by itself does not happen (semantics "Placement"). Fed by a beat
 * on the event loop; a stopped process has no beats, so that the time of the stop counts for nothing.
 */
export class WedgeWatch {
  readonly #clock: Clock
  #lastBeatMs: number
  #late = 0
  #overdue = 0
  #lateMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastBeatMs = clock.monotonicMs()
  }

  /** Every `beatMs`. `overdueMs`: how far the longest wait has passed the limit that this process set itself. */
  beat(overdueMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#lateMs = Math.max(0, nowMs - this.#lastBeatMs - beatMs)
    this.#lastBeatMs = nowMs
    this.#late = this.#lateMs >= lateMs ? this.#late + 1 : 0
    this.#overdue = overdueMs >= overdueLimitMs ? this.#overdue + 1 : 0
  }

  get reason(): WedgeReason | undefined {
    if (this.#late >= lateBeats) return 'loop-late'
    return this.#overdue >= overdueBeats ? 'overdue' : undefined
  }

  /** How late the last beat was. */
  get lateMs(): number {
    return this.#lateMs
  }
}
