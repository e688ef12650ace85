import { restoreMoment } from '../failover/situation.ts'
import type { MoveRecord, StoredFreeze } from '../store/records.ts'

/** The scope of a freeze that is for all clusters. */
export const everywhere = '*'

/**
 * Moves and freezes as the leader knows them: read from the store once, at its start, and kept up by itself, because nobody else writes
 * them. Moves are on the monotonic clock, so that a wall clock that jumps later cuts no hold-down short.
 */
export class MoveMemory {
  readonly #lastMoves = new Map<string, number>()
  readonly #lastAutomatic = new Map<string, number>()
  readonly #freezes = new Map<string, StoredFreeze>()

  /** Forgets what it knew. */
  begin(
    moves: readonly MoveRecord[],
    freezes: readonly StoredFreeze[],
    now: { readonly wallMs: number; readonly monotonicMs: number },
  ): void {
    this.#lastMoves.clear()
    this.#lastAutomatic.clear()
    this.#freezes.clear()
    for (const move of moves) this.moved(move, restoreMoment(move.atMs, now))
    for (const freeze of freezes) this.#freezes.set(freeze.scope, freeze)
  }

  moved({ cluster, automatic }: Pick<MoveRecord, 'cluster' | 'automatic'>, atMs: number): void {
    keepLatest(this.#lastMoves, cluster, atMs)
    if (automatic) keepLatest(this.#lastAutomatic, cluster, atMs)
  }

  lastMoveAtMs(cluster: string): number | undefined {
    return this.#lastMoves.get(cluster)
  }

  lastAutomaticMoveAtMs(cluster: string): number | undefined {
    return this.#lastAutomatic.get(cluster)
  }

  freeze(freeze: StoredFreeze): void {
    this.#freezes.set(freeze.scope, freeze)
  }

  unfreeze(scope: string): void {
    this.#freezes.delete(scope)
  }

  /** Why automatic moves are frozen in this scope, in words; `undefined` = they are not. */
  frozen(scope: string): string | undefined {
    const freeze = this.#freezes.get(scope)
    return freeze === undefined ? undefined : (freeze.reason ?? `by ${freeze.actor}, who gave no reason`)
  }
}

function keepLatest(times: Map<string, number>, cluster: string, atMs: number): void {
  times.set(cluster, Math.max(atMs, times.get(cluster) ?? Number.NEGATIVE_INFINITY))
}
