import type { TopicSpec } from '../../core/resources.ts'
import { isAway, nowhere, type Whereabouts, whereabouts } from '../drive/whereabouts.ts'
import type { ControlState, StoredPlacement, StoreSnapshot } from '../store/control-store.ts'

/** Where topics are, and where new ones go, as of one snapshot. Pure. */
export class Places {
  readonly #state: ControlState
  readonly #placed: ReadonlyMap<string, StoredPlacement>
  readonly #where: ReadonlyMap<string, Whereabouts>

  constructor({ state, placements }: Pick<StoreSnapshot, 'state' | 'placements'>) {
    this.#state = state
    this.#placed = new Map(placements.map((placement) => [placement.topic, placement]))
    this.#where = whereabouts(state.Topic, placements)
  }

  placed(topic: string): StoredPlacement | undefined {
    return this.#placed.get(topic)
  }

  /**
   * A topic that is placed stays where it is. A new one of a cluster whose topics are on the standby goes there at once, and comes home
   * with them.
   */
  of({ name, cluster }: Pick<TopicSpec, 'name' | 'cluster'>): StoredPlacement {
    const placed = this.#placed.get(name)
    if (placed !== undefined) return placed
    const standby = this.#state.Cluster.get(cluster)?.spec.standby
    const where = this.#where.get(cluster) ?? nowhere
    if (standby === undefined || !isAway(where)) return { topic: name, cluster, holders: [cluster] }
    return {
      topic: name,
      cluster: standby,
      holders: [standby],
      // Where a person brings the others back, this one goes with them.
      ...(where.away.length === 0 ? { movedByHand: true } : {}),
    }
  }
}
