import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import { Problem } from '../../core/problems.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Authority, Authorship, ControlStore, LeaseCandidate } from '../store/control-store.ts'

export interface LeaseKeeperOptions {
  readonly store: Pick<ControlStore, 'acquireLease' | 'renewLease' | 'releaseLease'>
  /** Who this process is; the address is what a standby names as the leader's. */
  readonly candidate: LeaseCandidate
  /** A leader that falls silent is replaced after this and a look of the next one. */
  readonly lengthMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** Told after each look at the store, and given what may throw `StoreError`: a standby follows the leader's writes here. */
  readonly onRound: () => Promise<void>
  /** Told after `onRound` when this process has begun or ceased to lead. Must not throw. */
  readonly onChange: (term: number | undefined) => void
  /** URL of the leader as the store last said. */
  readonly leaderAddress: () => string
}

/**
 * Keeps the lease, or waits for it. By its own monotonic clock this process stops believing that it leads before the store lets
 * another lead; but it is the store that refuses late writes, not this belief.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #stopping = new AbortController()
  /** Of the lease that the store gave us. */
  #held: number | undefined
  #untilMs = Number.NEGATIVE_INFINITY
  /** The same once what the last leader wrote has been read. */
  #leading: number | undefined
  #trouble: Error | undefined
  #rounds = 0
  #loop: Promise<void> = Promise.resolve()

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
  }

  /** The term while this process leads. To be asked again after each wait: time passes. */
  get term(): number | undefined {
    return this.#options.clock.monotonicMs() < this.#untilMs ? this.#leading : undefined
  }

  get holder(): string {
    return this.#options.candidate.holder
  }

  /** Why the store did not answer when it was last looked at. */
  get trouble(): Error | undefined {
    return this.#trouble
  }

  /** False until the store was looked at once. */
  get settled(): boolean {
    return this.#rounds > 0
  }

  /** The right to write, to be had before reading what the decision rests on. Throws a Problem while this process does not lead. */
  authority(by: Authorship): Authority {
    const { term } = this
    if (term !== undefined) return { ...by, term }
    if (this.#trouble !== undefined) {
      throw new Problem(
        'store-unavailable',
        `nothing can be changed now, and reads are answered from memory: ${this.#trouble.message}`,
        { retryAfterSeconds: 1, cause: this.#trouble },
      )
    }
    const leader = this.#options.leaderAddress()
    throw new Problem(
      'not-leading',
      `this replica is a standby; the leader is at ${leader || '(nobody yet)'}`,
      {
        retryAfterSeconds: 1,
        extensions: { leader },
      },
    )
  }

  /** Resolves after the first look at the store: a process that is alone leads by then. Call it once. */
  async start(): Promise<void> {
    await this.look()
    this.#loop = this.#run()
  }

  /** Gives the lease back, so that the next one need not wait. Never throws. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    const term = this.#held
    this.#held = undefined
    this.#leading = undefined
    if (term === undefined) return
    try {
      await this.#options.store.releaseLease(term)
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'the lease could not be given back: it will run out')
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const pauseMs = this.#options.lengthMs / (this.#held === undefined ? 6 : 3)
      await delay(pauseMs, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
      if (!signal.aborted) await this.look()
    }
  }

  /** One look at the store; `start` does it again and again. Never throws. */
  async look(): Promise<void> {
    const { logger, onRound } = this.#options
    const before = this.#leading
    try {
      await this.#renewOrAcquire()
      await onRound()
      this.#leading = this.#held
      if (this.#trouble !== undefined) logger.info('the store answers again')
      this.#trouble = undefined
    } catch (error) {
      if (this.#trouble === undefined)
        logger.error(
          { err: error },
          'the store does not answer: reads go on from memory, nothing can be changed',
        )
      this.#trouble = error as Error
    }
    this.#rounds += 1
    if (this.term === undefined) this.#leading = undefined
    if (this.#leading !== before) this.#tell()
  }

  #tell(): void {
    const { logger, onChange, leaderAddress } = this.#options
    const term = this.#leading
    logger.info({ term, leader: leaderAddress() }, term === undefined ? 'standing by' : 'leading')
    onChange(term)
  }

  /** The time is taken before the store is asked, so that our end of the lease comes before the store's. */
  async #renewOrAcquire(): Promise<void> {
    const { store, candidate, lengthMs, clock, logger } = this.#options
    const askedAtMs = clock.monotonicMs()
    if (this.#held !== undefined) {
      if (await store.renewLease(this.#held, lengthMs)) {
        this.#untilMs = askedAtMs + lengthMs
        return
      }
      logger.warn({ term: this.#held }, 'the lease is lost')
      this.#held = undefined
      this.#leading = undefined
    }
    this.#held = await store.acquireLease(candidate, lengthMs)
    if (this.#held !== undefined) this.#untilMs = askedAtMs + lengthMs
  }
}
