import { setTimeout as delay } from 'node:timers/promises'
import type { PlacementDocument } from '../core/placement.ts'
import { SharedRounds } from '../core/shared-rounds.ts'
import { PlacementAsker } from './asker.ts'
import { firstUseful } from './first-useful.ts'
import {
  type PlacementCounts,
  PlacementKeeper,
  type PlacementKeeperOptions,
  type PlacementListener,
} from './keeper.ts'

export interface PlacementWatcherOptions extends PlacementKeeperOptions {
  /** Base URLs of the replicas of the control plane, e.g. `http://127.0.0.1:8081`; at least one. */
  readonly controlUrls: readonly string[]
  /** Bearer token, where the control plane asks for one. */
  readonly token?: string
  /** How long the control plane holds a question, 0..60 s. */
  readonly waitSeconds?: number
  /** First and longest pause after a round of answers that were no use; between them it doubles, with jitter. */
  readonly backOffMs?: { readonly first: number; readonly longest: number }
}

/** A replica that hangs is seen only at the end of its question, so those who can ask another one wait less. */
const patience = {
  one: { waitSeconds: 30, timeoutMs: 8000 },
  several: { waitSeconds: 10, timeoutMs: 3000 },
} as const

/** Of a question that nobody holds. */
const refreshTimeoutMs = 2500
/** After so long without an answer the next replica is asked too. */
const staggerMs = 300

/**
 * Follows the control plane's placement for a proxy or router, and goes on with the last known one while the control plane is away,
 * silent or mad. Asks one replica, and the next one when that is no use.
 */
export class PlacementWatcher {
  readonly #options: PlacementWatcherOptions
  readonly #keeper: PlacementKeeper
  readonly #asker: PlacementAsker
  readonly #patience: (typeof patience)[keyof typeof patience]
  readonly #stopping = new AbortController()
  readonly #rounds = new SharedRounds(() => this.#round())
  /** Of the replica that is asked. */
  #index = 0
  #question = new AbortController()
  #wantedVersion = 0
  #loop: Promise<void> = Promise.resolve()

  constructor(options: PlacementWatcherOptions) {
    this.#options = options
    this.#keeper = new PlacementKeeper(options)
    this.#asker = new PlacementAsker(options.token)
    this.#patience = options.controlUrls.length > 1 ? patience.several : patience.one
  }

  /** What is in use now: from the control plane, or from the snapshot. Listeners have been told of it. */
  get current(): PlacementDocument | undefined {
    return this.#keeper.current
  }

  /** Milliseconds since the control plane last confirmed `current`; `Infinity` when it never did since the start. */
  get ageMs(): number {
    return this.#keeper.ageMs
  }

  get counts(): PlacementCounts {
    return this.#keeper.counts
  }

  /** Loads the snapshot, then resolves; the control plane is followed from then on until `stop`. Call it once. */
  async start(): Promise<void> {
    await this.#keeper.load()
    this.#loop = this.#follow()
  }

  /** Ends the open question and waits until the last snapshot is on disk. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#asker.close()
    await this.#loop
    await this.#keeper.saved()
  }

  /** Called at once with each document taken later; what it throws is logged. Returns the way to end it. */
  onChange(listener: PlacementListener): () => void {
    return this.#keeper.onChange(listener)
  }

  /**
   * Resolves when the control plane has confirmed or replaced the placement by an answer to a question asked after this call; rejects
   * with the causes when no replica does, within 2.5 s and 0.3 s for each further replica. Calls share rounds, so that a flood of them
   * costs one question at a time. `version`: replicas that are not so far are passed over while there is another.
   */
  refresh(version = 0): Promise<void> {
    this.#wantedVersion = Math.max(this.#wantedVersion, version)
    return this.#rounds.ask()
  }

  async #round(): Promise<void> {
    const wanted = this.#wantedVersion
    this.#wantedVersion = 0
    let isConfirmed = false
    const attempts = this.#urls().map((url) => async (over: AbortSignal) => {
      await this.#askNow(url, over)
      isConfirmed = true
      const version = this.current?.version ?? 0
      if (version < wanted) throw new Error(`${url}: it is at version ${version}, not at ${wanted}`)
      return url
    })
    try {
      this.#prefer(await firstUseful(attempts, staggerMs))
    } catch (error) {
      if (isConfirmed) return
      const causes = error instanceof AggregateError ? error.errors.map(({ message }) => message) : [error]
      throw new Error(`no control plane has confirmed the placement: ${causes.join('; ')}`, { cause: error })
    }
  }

  async #askNow(url: string, over: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([over, this.#stopping.signal])
    const known = this.current
    const answer = await this.#asker.ask({ url, known, waitSeconds: 0, timeoutMs: refreshTimeoutMs, signal })
    if (signal.aborted) throw new Error(`${url}: not waited for any longer`)
    const reason = this.#keeper.judge(answer, url)
    if (reason !== undefined)
      throw new Error(`${url}: ${reason}`, { cause: answer.kind === 'failed' ? answer.cause : undefined })
  }

  /** The first question does not wait, so that a snapshot is confirmed at once. */
  async #follow(): Promise<void> {
    const { clock, controlUrls, waitSeconds = this.#patience.waitSeconds } = this.#options
    const { signal } = this.#stopping
    let failures = 0
    let wait = 0
    while (!signal.aborted) {
      const askedAtMs = clock.monotonicMs()
      const before = this.current
      const isUseful = await this.#askAndWait(before, wait)
      if (signal.aborted) return
      failures = isUseful ? 0 : failures + 1
      if (failures > 0) {
        // The next replica at once; a pause after all of them.
        if (failures % controlUrls.length === 0) await this.#pause(failures / controlUrls.length)
      } else if (wait > 0 && this.current === before && clock.monotonicMs() - askedAtMs < 500) {
        // A control plane that does not wait must not be asked in a tight loop.
        await this.#pause(3)
      }
      wait = isUseful ? waitSeconds : 0
    }
  }

  /** False: the answer was no use, and another replica is the next. */
  async #askAndWait(known: PlacementDocument | undefined, waitSeconds: number): Promise<boolean> {
    const index = this.#index
    const url = this.#urls()[0] as string
    this.#question = new AbortController()
    const signal = AbortSignal.any([this.#stopping.signal, this.#question.signal])
    const { timeoutMs } = this.#patience
    const answer = await this.#asker.ask({ url, known, waitSeconds, timeoutMs, signal })
    // Another replica has been found that is further.
    if (this.#question.signal.aborted) return true
    if (this.#stopping.signal.aborted) return false
    const isUseful = this.#keeper.judge(answer, url) === undefined
    if (!isUseful && this.#index === index) this.#index = (index + 1) % this.#options.controlUrls.length
    return isUseful
  }

  #prefer(url: string): void {
    const index = this.#options.controlUrls.indexOf(url)
    if (index === this.#index) return
    this.#index = index
    this.#question.abort()
  }

  /** The one that is asked, then the others. */
  #urls(): readonly string[] {
    const { controlUrls } = this.#options
    return [...controlUrls.slice(this.#index), ...controlUrls.slice(0, this.#index)]
  }

  async #pause(failures: number): Promise<void> {
    const { first, longest } = this.#options.backOffMs ?? { first: 200, longest: 10_000 }
    const pauseMs = Math.min(longest, first * 2 ** Math.min(failures - 1, 20)) * (0.5 + Math.random() / 2)
    const { signal } = this.#stopping
    await delay(pauseMs, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }
}
