import type { Clock } from '../../core/clock.ts'
import type { OperationSummary, OperationView } from '../../core/operations.ts'
import { loadOperation } from '../failover/persist.ts'
import type { OperationQuery, RecordReads } from '../store/records.ts'
import { operationView, summaryOf } from './views.ts'

/** Operations as the store has them: the same on the leader and on a standby. */
export class OperationReader {
  readonly #store: Pick<RecordReads, 'operation' | 'operations' | 'steps'>
  readonly #clock: Clock

  readonly #waiting: (key: string) => string | undefined

  /** `waiting`: what the effect with that key waits for just now, where that is known. */
  constructor(
    store: Pick<RecordReads, 'operation' | 'operations' | 'steps'>,
    clock: Clock,
    waiting: (key: string) => string | undefined,
  ) {
    this.#store = store
    this.#clock = clock
    this.#waiting = waiting
  }

  /** Newest first. Throws `StoreError`. */
  async list(query: OperationQuery): Promise<readonly OperationSummary[]> {
    const found = await this.#store.operations(query)
    return found.filter(({ kind }) => kind === 'failover' || kind === 'failback').map(summaryOf)
  }

  /** With each of its steps; `undefined` = there is none. Throws `StoreError`. */
  async show(id: string): Promise<OperationView | undefined> {
    const stored = await this.#store.operation(id)
    if (stored === undefined || (stored.kind !== 'failover' && stored.kind !== 'failback')) return undefined
    const operation = loadOperation(stored, await this.#store.steps(id))
    return operationView(operation, this.#clock.wallMs(), this.#waiting)
  }
}
