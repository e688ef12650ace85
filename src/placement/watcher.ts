import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import { comparePlacements, type PlacementDocument } from '../core/placement.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type Answer, PlacementAsker } from './asker.ts'
import { PlacementSnapshot } from './snapshot.ts'

export interface PlacementWatcherOptions {
  /** Base URL of the control plane, e.g. `http://127.0.0.1:8081`. */
  readonly controlUrl: string
  /** Where the last placement is kept; its folder is made when missing. One process per file. */
  readonly snapshotFile: string
  /** Bearer token, where the control plane asks for one. */
  readonly token?: string
  readonly logger: Logger
  readonly clock: Clock
  /** How long the control plane holds a question, 0..60 s. */
  readonly waitSeconds?: number
  /** First and longest pause after an answer that was no use; between them it doubles, with jitter. */
  readonly backOffMs?: { readonly first: number; readonly longest: number }
}

/** Grow only. */
export interface PlacementCounts {
  /** Documents older than the one in use (faults F17). */
  refusedOlder: number
  /** Documents of another store. */
  refusedUnknownStore: number
  /** Answers that were no placement document. */
  refusedRubbish: number
  /** Questions without an answer. */
  failedAsks: number
  /** Documents taken. */
  taken: number
  /** Snapshots that could not be written: the process goes on, but would not know this placement after a restart. */
  failedSaves: number
}

export type PlacementListener = (document: PlacementDocument, previous: PlacementDocument | undefined) => void

/**
 * Follows the control plane's placement for a proxy or router, and goes on with the last known one while the control plane is away,
 * silent or mad. Takes only later documents of the same store (semantics "Placement").
 */
export class PlacementWatcher {
  readonly counts: PlacementCounts = {
    refusedOlder: 0,
    refusedUnknownStore: 0,
    refusedRubbish: 0,
    failedAsks: 0,
    taken: 0,
    failedSaves: 0,
  }
  readonly #options: PlacementWatcherOptions
  readonly #snapshot: PlacementSnapshot
  readonly #asker: PlacementAsker
  readonly #stopping = new AbortController()
  readonly #listeners = new Set<PlacementListener>()
  #current: PlacementDocument | undefined
  #confirmedAtMs = Number.NEGATIVE_INFINITY
  #lastComplaint = ''
  #loop: Promise<void> = Promise.resolve()
  #saving: Promise<void> = Promise.resolve()
  #refreshing: Promise<PlacementDocument | undefined> | undefined

  constructor(options: PlacementWatcherOptions) {
    this.#options = options
    this.#snapshot = new PlacementSnapshot(options.snapshotFile)
    this.#asker = new PlacementAsker(options.controlUrl, options.token)
  }

  /** What is in use now: from the control plane, or from the snapshot. Listeners have been told of it. */
  get current(): PlacementDocument | undefined {
    return this.#current
  }

  /** Milliseconds since the control plane last confirmed `current`; `Infinity` when it never did since the start. */
  get ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#confirmedAtMs
  }

  /** Loads the snapshot, then resolves; the control plane is followed from then on until `stop`. Call it once. */
  async start(): Promise<void> {
    const { logger } = this.#options
    try {
      const read = await this.#snapshot.load()
      if (read.kind === 'loaded') this.#use(read.document)
      if (read.kind === 'corrupt') {
        logger.error(read, 'snapshot-corrupt: the last placement on disk is not believed and was put aside')
      }
    } catch (error) {
      logger.error(
        { err: error, file: this.#snapshot.file },
        'snapshot-unreadable: going on without the last placement',
      )
    }
    this.#loop = this.#follow()
  }

  /** Ends the open question and waits until the last snapshot is on disk. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#asker.close()
    await this.#loop
    await this.#saving
  }

  /** Called at once with each document taken later; what it throws is logged. Returns the way to end it. */
  onChange(listener: PlacementListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Asks right now, beside the open question, and gives what is in use after the answer (or the failure, within 8 s). Never throws. */
  refresh(): Promise<PlacementDocument | undefined> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #refresh(): Promise<PlacementDocument | undefined> {
    if (!this.#stopping.signal.aborted)
      this.#judge(await this.#asker.ask(this.#current, 0, this.#stopping.signal))
    return this.#current
  }

  /** The first question does not wait, so that a snapshot is confirmed at once. */
  async #follow(): Promise<void> {
    const { waitSeconds = 30, clock } = this.#options
    const { signal } = this.#stopping
    let failures = 0
    let wait = 0
    while (!signal.aborted) {
      const askedAtMs = clock.monotonicMs()
      const before = this.#current
      const useful = this.#judge(await this.#asker.ask(before, wait, signal))
      failures = useful ? 0 : failures + 1
      if (failures > 0) await this.#pause(failures)
      // A control plane that does not wait must not be asked in a tight loop.
      else if (wait > 0 && this.#current === before && clock.monotonicMs() - askedAtMs < 500)
        await this.#pause(3)
      wait = useful ? waitSeconds : 0
    }
  }

  async #pause(failures: number): Promise<void> {
    const { first, longest } = this.#options.backOffMs ?? { first: 200, longest: 10_000 }
    const pauseMs = Math.min(longest, first * 2 ** Math.min(failures - 1, 20)) * (0.5 + Math.random() / 2)
    const { signal } = this.#stopping
    await delay(pauseMs, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }

  /** True when the control plane confirmed or renewed `current`. */
  #judge(answer: Answer): boolean {
    if (this.#stopping.signal.aborted) return false
    if (answer.kind === 'unchanged') return this.#confirm()
    if (answer.kind === 'document') return this.#compare(answer.document)
    if (answer.kind === 'rubbish') this.counts.refusedRubbish += 1
    else this.counts.failedAsks += 1
    this.#complain(
      answer.kind === 'rubbish' ? 'placement-rubbish' : 'control-plane-away',
      { reason: answer.reason },
      'no new placement: going on with the last one',
    )
    return false
  }

  #compare(next: PlacementDocument): boolean {
    const current = this.#current
    const order = current === undefined ? 'newer' : comparePlacements(current, next)
    if (order === 'newer') {
      this.#confirm()
      this.counts.taken += 1
      this.#use(next)
      this.#save(next)
      return true
    }
    if (order === 'same') return this.#confirm()
    if (order === 'older') {
      this.counts.refusedOlder += 1
      this.#complain(
        'placement-older',
        { current: orderOf(current), offered: orderOf(next) },
        'refused: a later placement is in use',
      )
    } else {
      this.counts.refusedUnknownStore += 1
      this.#complain(
        'placement-unknown-store',
        { current: current?.storeId, offered: next.storeId },
        `refused: the control plane has another store than the one that is followed. To accept it, stop this process, delete ${this.#snapshot.file} and start again (the local stack: npm start -- --fresh)`,
      )
    }
    return false
  }

  #confirm(): true {
    this.#confirmedAtMs = this.#options.clock.monotonicMs()
    if (this.#lastComplaint !== '')
      this.#options.logger.info('control-plane-back: the placement is confirmed again')
    this.#lastComplaint = ''
    return true
  }

  #use(document: PlacementDocument): void {
    const previous = this.#current
    this.#current = document
    for (const listener of this.#listeners) {
      try {
        listener(document, previous)
      } catch (error) {
        this.#options.logger.error({ err: error }, 'a placement listener failed')
      }
    }
  }

  /** One write at a time; a document that was overtaken while it waited is not written. */
  #save(document: PlacementDocument): void {
    this.#saving = this.#saving.then(async () => {
      if (this.#current !== document) return
      try {
        await this.#snapshot.save(document)
      } catch (error) {
        this.counts.failedSaves += 1
        this.#options.logger.error(
          { err: error },
          'snapshot-unwritable: this placement would be unknown after a restart',
        )
      }
    })
  }

  /** The same complaint is a warning once, then only a debug line, until things are well again. */
  #complain(word: string, fields: Record<string, unknown>, sentence: string): void {
    const level = this.#lastComplaint === word ? 'debug' : 'warn'
    this.#lastComplaint = word
    this.#options.logger[level](fields, `${word}: ${sentence}`)
  }
}

function orderOf(document: PlacementDocument | undefined): readonly (number | undefined)[] {
  return [document?.leaseTerm, document?.version]
}
