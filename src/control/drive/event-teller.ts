import type { Logger } from '../../telemetry/logger.ts'
import type { ControlStore } from '../store/control-store.ts'
import type { HealthBoard } from './health-board.ts'

export interface TellerOptions {
  readonly store: Pick<ControlStore, 'commit'>
  readonly board: HealthBoard
  readonly logger: Logger
  readonly term: () => number | undefined
  readonly committed: () => Promise<void>
}

/** Writes the board's news as events. While the store is away they stay news, and the last word about each cluster is told later. */
export class EventTeller {
  readonly #options: TellerOptions
  #telling = false

  constructor(options: TellerOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async tell(): Promise<void> {
    const { store, board, logger, term: present, committed } = this.#options
    const events = board.news()
    const term = present()
    if (this.#telling || events.length === 0 || term === undefined) return
    this.#telling = true
    try {
      await store.commit(
        events.map((event) => ({ action: 'event', event })),
        { actor: 'control', term },
      )
      board.told(events)
      for (const { kind, subject, data } of events) logger.info({ cluster: subject, why: data.why }, kind)
      await committed()
    } catch (error) {
      logger.debug({ err: error }, 'a change of decision is written later')
    } finally {
      this.#telling = false
    }
  }
}
