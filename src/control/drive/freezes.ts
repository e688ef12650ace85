import type { Clock } from '../../core/clock.ts'
import type { FreezeView } from '../../core/operations.ts'
import { Problem } from '../../core/problems.ts'
import type { Authority, Authorship, ControlStore } from '../store/control-store.ts'
import type { StateFeed } from '../store/state-feed.ts'
import { everywhere, type MoveMemory } from './move-memory.ts'

export interface FreezesOptions {
  readonly store: Pick<ControlStore, 'commit' | 'freezes'>
  readonly feed: Pick<StateFeed, 'state' | 'refresh'>
  readonly memory: MoveMemory
  readonly clock: Clock
  readonly authority: (by: Authorship) => Authority
}

/** Freezes of automatic moves: of one cluster, or of all. What runs already goes on. */
export class Freezes {
  readonly #options: FreezesOptions

  constructor(options: FreezesOptions) {
    this.#options = options
  }

  async list(): Promise<readonly FreezeView[]> {
    return (await this.#options.store.freezes()).map(({ scope, actor, reason, at }) => ({
      ...(scope === everywhere ? {} : { cluster: scope }),
      actor,
      ...(reason === undefined ? {} : { reason }),
      at,
    }))
  }

  /** `cluster` undefined = all. */
  async freeze(cluster: string | undefined, by: Authorship & { readonly reason: string }): Promise<void> {
    const { store, feed, memory, clock, authority } = this.#options
    if (cluster !== undefined && !feed.state.Cluster.has(cluster))
      throw new Problem('not-found', `there is no cluster ${cluster}`)
    const scope = cluster ?? everywhere
    await store.commit(
      [
        { action: 'freeze', freeze: { scope } },
        { action: 'event', event: { kind: 'freeze.on', subject: scope, data: { reason: by.reason } } },
        { action: 'audit', entry: { action: 'freeze', kind: 'Freeze', name: scope, after: null } },
      ],
      authority(by),
    )
    memory.freeze({ scope, actor: by.actor, reason: by.reason, at: new Date(clock.wallMs()).toISOString() })
    await feed.refresh()
  }

  /** Nothing when there is none. */
  async lift(cluster: string | undefined, by: Authorship & { readonly reason: string }): Promise<void> {
    const { store, feed, memory, authority } = this.#options
    const scope = cluster ?? everywhere
    await store.commit(
      [
        { action: 'unfreeze', scope },
        { action: 'event', event: { kind: 'freeze.off', subject: scope, data: { reason: by.reason } } },
        { action: 'audit', entry: { action: 'unfreeze', kind: 'Freeze', name: scope, after: null } },
      ],
      authority(by),
    )
    memory.unfreeze(scope)
    await feed.refresh()
  }
}
