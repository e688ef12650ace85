import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { Mutex } from '../apply/mutex.ts'
import type { FailoverRules } from '../failover/rules.ts'
import type { ControlStore } from '../store/control-store.ts'
import { StoreError } from '../store/store-error.ts'
import type { FailoverLoop } from './failover-loop.ts'
import type { HealthBoard } from './health-board.ts'
import type { MoveMemory } from './move-memory.ts'
import type { Operations } from './operations.ts'

export interface DriveOptions {
  readonly store: Pick<ControlStore, 'moves' | 'freezes'>
  readonly loop: FailoverLoop
  readonly operations: Operations
  readonly memory: MoveMemory
  readonly board: HealthBoard
  readonly rules: FailoverRules
  readonly clock: Clock
  readonly logger: Logger
  /** Term of this process while it leads. */
  readonly term: () => number | undefined
  /** Told when leading begins or ends here, which is a little later than for the lease. */
  readonly changed?: (term: number | undefined) => void
}

const tickMs = 1000
const pauseMs = 500

/**
 * What a leader does beside answering: it goes on with open operations, and looks, decides and acts once a second. `change` says when
 * leading begins and ends; changes are carried out one after the other.
 */
export class FailoverDrive {
  readonly #options: DriveOptions
  readonly #changes = new Mutex()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: DriveOptions) {
    this.#options = options
  }

  /** Of the lease keeper. Returns at once. */
  change(term: number | undefined): void {
    void this.#changes
      .run(async () => {
        await this.#follow()
        if (term !== undefined && !this.#stopped) await this.#lead(term)
      })
      .catch((error: unknown) => this.#options.logger.error({ err: error }, 'failover does not work'))
  }

  /** Ends everything; nothing runs once it has resolved. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#changes.run(() => this.#follow())
  }

  async #lead(term: number): Promise<void> {
    const { logger, loop, term: present } = this.#options
    while (!this.#stopped && present() === term) {
      try {
        await this.#load(term)
        loop.begin()
        this.#options.changed?.(term)
        this.#tickAt(this.#options.clock.monotonicMs() + tickMs, term)
        return
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        logger.warn({ err: error }, 'what is to be gone on with cannot be read: tried again')
        await sleep(pauseMs)
      }
    }
  }

  async #load(term: number): Promise<void> {
    const { store, operations, memory, rules, clock } = this.#options
    const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() }
    const sinceMs = now.wallMs - Math.max(rules.holdDownMs, rules.moveIntervalMs)
    const [moves, freezes] = await Promise.all([store.moves(sinceMs), store.freezes()])
    memory.begin(moves, freezes, now)
    await operations.lead(term)
  }

  async #follow(): Promise<void> {
    const { operations, loop, board } = this.#options
    clearTimeout(this.#timer)
    this.#options.changed?.(undefined)
    await operations.follow()
    await loop.settled()
    board.clear()
  }

  /** Late ticks are not made up for: the next one comes a second later. */
  #tickAt(atMs: number, term: number): void {
    const { clock, loop, logger } = this.#options
    this.#timer = setTimeout(
      () => {
        const nowMs = clock.monotonicMs()
        this.#tickAt(nowMs - atMs > tickMs ? nowMs + tickMs : atMs + tickMs, term)
        // A lease that ran out while the store hung: whoever leads now looks for itself.
        if (this.#options.term() !== term) return
        try {
          loop.tick()
        } catch (error) {
          logger.error({ err: error }, 'a second of evidence could not be judged')
        }
      },
      Math.max(0, atMs - clock.monotonicMs()),
    )
  }
}
