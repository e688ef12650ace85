import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import { Problem } from '../../core/problems.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Authority, Authorship, ControlStore } from '../store/control-store.ts'
import { ProxyRegister } from './proxy-register.ts'

export interface ProxyFollowersOptions {
  readonly store: Pick<ControlStore, 'followers' | 'commit'>
  /** The right to write; throws a Problem while this replica does not lead. */
  readonly authority: (by: Authorship) => Authority
  /** Of a proxy, after each report. */
  readonly leaseMs: number
  readonly clock: Clock
  readonly logger: Logger
}

const everyMs = 1000
/** A turn that is later than this was held up, and so were the reports. */
const stallMs = 1000

/**
 * Keeps the register in step with who leads and with the store. Leases are written seldom, many in one commit and at most one commit a
 * second: they are for the next leader, which hears every live proxy itself within a second.
 */
export class ProxyFollowers {
  readonly register: ProxyRegister
  readonly #options: ProxyFollowersOptions
  readonly #stopping = new AbortController()
  #isLeading = false
  /** Until the store has said whom the last leader knew. */
  #isNew = false
  #isTrouble = false
  #loop: Promise<void> = Promise.resolve()

  constructor(options: ProxyFollowersOptions) {
    this.#options = options
    const { leaseMs, clock } = options
    this.register = new ProxyRegister({ leaseMs, wallMs: () => clock.wallMs() })
  }

  start(): void {
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
  }

  /** This replica begins to lead: reports are taken from now on. */
  lead(): void {
    this.register.begin([], this.#options.clock.monotonicMs())
    this.#isLeading = true
    this.#isNew = true
  }

  /** This replica does not lead any more. */
  rest(): void {
    this.register.end()
    this.#isLeading = false
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const sleptAtMs = clock.monotonicMs()
      await delay(everyMs, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
      const nowMs = clock.monotonicMs()
      if (nowMs - sleptAtMs > everyMs + stallMs) this.register.stalled(nowMs)
      if (this.#isLeading && !signal.aborted) await this.look()
    }
  }

  /** One look at the store; `start` does it every second. Never throws: what failed is tried again with the next one. */
  async look(): Promise<void> {
    try {
      await this.#remember()
      await this.#write()
      this.#isTrouble = false
    } catch (error) {
      // Another leads by now, or the store is away, which others say.
      const level = error instanceof Problem || this.#isTrouble ? 'debug' : 'warn'
      this.#options.logger[level](
        { err: error },
        'what is known of the proxies could not be stored: to be tried again',
      )
      this.#isTrouble = true
    }
  }

  async #remember(): Promise<void> {
    if (!this.#isNew) return
    const { store, authority, clock } = this.#options
    const { term } = authority(author)
    const followers = await store.followers()
    if (authority(author).term !== term) return
    this.register.remember(followers, clock.monotonicMs())
    this.#isNew = false
  }

  async #write(): Promise<void> {
    const { store, authority, clock } = this.#options
    const dueMs = clock.monotonicMs()
    const by = authority(author)
    const changes = this.register.due(dueMs)
    if (changes.length === 0) return
    await store.commit(changes, by)
    this.register.written(changes, dueMs)
  }
}

const author: Authorship = { actor: 'control' }
