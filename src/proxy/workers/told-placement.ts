import type { Clock } from '../../core/clock.ts'
import type { PlacementDocument } from '../../core/placement.ts'
import { SharedRounds } from '../../core/shared-rounds.ts'
import type { PlacementCounts, PlacementListener } from '../../placement/keeper.ts'
import type { PlacementWatcher } from '../../placement/watcher.ts'
import type { AskedOfParent, PlacementNews } from './messages.ts'

/** Where a proxy has its placement from: the control plane, or its parent process. */
export type PlacementSource = Pick<
  PlacementWatcher,
  'start' | 'stop' | 'onChange' | 'current' | 'ageMs' | 'counts' | 'refresh'
>

/** The placement as the parent tells it to a worker: nothing is kept on disk, and the parent asks the control plane. */
export class ToldPlacement implements PlacementSource {
  readonly #clock: Clock
  readonly #askParent: () => Promise<AskedOfParent['placement'] | undefined>
  readonly #rounds = new SharedRounds(() => this.#round())
  readonly #listeners = new Set<PlacementListener>()
  #current: PlacementDocument | undefined
  #confirmedAtMs = Number.NEGATIVE_INFINITY
  #counts: PlacementCounts
  #started = false

  /** `askParent` gives `undefined` when the parent does not answer. */
  constructor(
    clock: Clock,
    { document, ...news }: PlacementNews,
    askParent: () => Promise<AskedOfParent['placement'] | undefined>,
  ) {
    this.#clock = clock
    this.#askParent = askParent
    this.#current = document
    this.#counts = news.counts
    this.confirm(news)
  }

  get current(): PlacementDocument | undefined {
    return this.#current
  }

  get ageMs(): number {
    return this.#clock.monotonicMs() - this.#confirmedAtMs
  }

  /** The parent's. */
  get counts(): PlacementCounts {
    return this.#counts
  }

  /** Listeners hear of the placement that is known already. */
  async start(): Promise<void> {
    this.#started = true
    if (this.#current !== undefined) this.#announce(this.#current, undefined)
  }

  async stop(): Promise<void> {
    this.#listeners.clear()
  }

  onChange(listener: PlacementListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** As `PlacementWatcher.refresh`, by way of the parent. */
  refresh(): Promise<void> {
    return this.#rounds.ask()
  }

  async #round(): Promise<void> {
    const answer = await this.#askParent()
    if (answer === undefined) throw new Error('the parent process does not answer')
    if ('failed' in answer) throw new Error(answer.failed)
    this.confirm(answer)
  }

  /** A document of the parent's, which has compared it with the one before. */
  tell({ document, ...news }: PlacementNews): void {
    this.confirm(news)
    const previous = this.#current
    if (document === undefined || document === previous) return
    this.#current = document
    if (this.#started) this.#announce(document, previous)
  }

  /** How old the placement is by now. */
  confirm({ ageMs, counts }: Omit<PlacementNews, 'document'>): void {
    this.#confirmedAtMs = this.#clock.monotonicMs() - ageMs
    this.#counts = counts
  }

  #announce(document: PlacementDocument, previous: PlacementDocument | undefined): void {
    for (const listener of this.#listeners) listener(document, previous)
  }
}
