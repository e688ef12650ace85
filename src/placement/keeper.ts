import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../core/clock.ts'
import { comparePlacements, type PlacementDocument } from '../core/placement.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Answer } from './asker.ts'
import { PlacementSnapshot } from './snapshot.ts'

export interface PlacementKeeperOptions {
  /** Where the last placement is kept; its folder is made when missing. One process per file. */
  readonly snapshotFile: string
  readonly logger: Logger
  readonly clock: Clock
}

/** Grow only. */
export interface PlacementCounts {
  /** Documents older than the one in use (faults F17). */
  refusedOlder: number
  /** Documents that have the term and version of the one in use, and say something else (faults F17). */
  refusedContradictory: number
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
 * The placement in use, and the one judge of what the control plane answers: only later documents of the same store are taken
 * (semantics "Placement"), and each is kept on disk.
 */
export class PlacementKeeper {
  readonly counts: PlacementCounts = {
    refusedOlder: 0,
    refusedContradictory: 0,
    refusedUnknownStore: 0,
    refusedRubbish: 0,
    failedAsks: 0,
    taken: 0,
    failedSaves: 0,
  }
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #snapshot: PlacementSnapshot
  readonly #listeners = new Set<PlacementListener>()
  #current: PlacementDocument | undefined
  #confirmedAtMs = Number.NEGATIVE_INFINITY
  #lastComplaint = ''
  #saving: Promise<void> = Promise.resolve()

  constructor({ snapshotFile, logger, clock }: PlacementKeeperOptions) {
    this.#logger = logger
    this.#clock = clock
    this.#snapshot = new PlacementSnapshot(snapshotFile)
  }

  /** Listeners have been told of it. */
  get current(): PlacementDocument | undefined {
    return this.#current
  }

  /** Milliseconds since the control plane last confirmed `current`; `Infinity` when it never did since the start. */
  get ageMs(): number {
    return this.#clock.monotonicMs() - this.#confirmedAtMs
  }

  onChange(listener: PlacementListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Uses what is on disk, if it can be believed. Never throws. */
  async load(): Promise<void> {
    try {
      const read = await this.#snapshot.load()
      if (read.kind === 'loaded') this.#use(read.document)
      if (read.kind === 'corrupt') {
        this.#logger.error(
          read,
          'snapshot-corrupt: the last placement on disk is not believed and was put aside',
        )
      }
    } catch (error) {
      this.#logger.error(
        { err: error, file: this.#snapshot.file },
        'snapshot-unreadable: going on without the last placement',
      )
    }
  }

  /** `undefined` when the answer confirmed or renewed `current`; else why not. Same complaints are warned of once. */
  judge(answer: Answer, url: string): string | undefined {
    if (answer.kind === 'unchanged') return this.#confirm()
    if (answer.kind === 'document') return this.#compare(answer.document, url)
    if (answer.kind === 'rubbish') this.counts.refusedRubbish += 1
    else this.counts.failedAsks += 1
    const word = answer.kind === 'rubbish' ? 'placement-rubbish' : 'control-plane-away'
    this.#complain(word, { url, reason: answer.reason }, 'no new placement: going on with the last one')
    return answer.reason
  }

  /** Resolves when the last snapshot is on disk. */
  saved(): Promise<void> {
    return this.#saving
  }

  #compare(next: PlacementDocument, url: string): string | undefined {
    const current = this.#current
    const order = current === undefined ? 'newer' : comparePlacements(current, next)
    if (order === 'newer') {
      this.#confirm()
      this.counts.taken += 1
      this.#use(next)
      this.#save(next)
      return undefined
    }
    const fields = { url, current: orderOf(current), offered: orderOf(next) }
    if (order === 'older') {
      this.counts.refusedOlder += 1
      return this.#complain('placement-older', fields, 'refused: a later placement is in use')
    }
    if (order === 'unknown-store') {
      this.counts.refusedUnknownStore += 1
      return this.#complain(
        'placement-unknown-store',
        { url, current: current?.storeId, offered: next.storeId },
        `refused: the control plane has another store than the one that is followed. To accept it, stop this process, delete ${this.#snapshot.file} and start again (the local stack: npm start -- --fresh)`,
      )
    }
    if (isDeepStrictEqual(current, next)) return this.#confirm()
    this.counts.refusedContradictory += 1
    return this.#complain(
      'placement-contradictory',
      fields,
      'refused: it has the version of the one in use, and says something else',
    )
  }

  #confirm(): undefined {
    this.#confirmedAtMs = this.#clock.monotonicMs()
    if (this.#lastComplaint !== '') this.#logger.info('control-plane-back: the placement is confirmed again')
    this.#lastComplaint = ''
  }

  #use(document: PlacementDocument): void {
    const previous = this.#current
    this.#current = document
    for (const listener of this.#listeners) {
      try {
        listener(document, previous)
      } catch (error) {
        this.#logger.error({ err: error }, 'a placement listener failed')
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
        this.#logger.error(
          { err: error },
          'snapshot-unwritable: this placement would be unknown after a restart',
        )
      }
    })
  }

  /** The same complaint is a warning once, then only a debug line, until things are well again. Gives the sentence. */
  #complain(word: string, fields: Record<string, unknown>, sentence: string): string {
    const level = this.#lastComplaint === word ? 'debug' : 'warn'
    this.#lastComplaint = word
    this.#logger[level](fields, `${word}: ${sentence}`)
    return `${word}: ${sentence}`
  }
}

function orderOf(document: PlacementDocument | undefined): readonly (number | undefined)[] {
  return [document?.leaseTerm, document?.version]
}
