import type { ControlState, StoredPlacement } from '../store/control-store.ts'

/** Where the topics of one home cluster are. */
export interface Whereabouts {
  /** On their home. */
  readonly home: number
  /** Elsewhere by a decision, so that a decision brings them back. */
  readonly away: readonly string[]
  /** Elsewhere because a person moved them: a person brings them back. */
  readonly awayByHand: readonly string[]
}

export const nowhere: Whereabouts = { home: 0, away: [], awayByHand: [] }

/** By home cluster. Pure; one pass over all topics. */
export function whereabouts(
  topics: ControlState['Topic'],
  placements: readonly StoredPlacement[],
): ReadonlyMap<string, Whereabouts> {
  const found = new Map<string, { home: number; away: string[]; awayByHand: string[] }>()
  for (const { topic, cluster, movedByHand } of placements) {
    const home = topics.get(topic)?.spec.cluster
    if (home === undefined) continue
    const entry = found.get(home) ?? { home: 0, away: [], awayByHand: [] }
    found.set(home, entry)
    if (cluster === home) entry.home += 1
    else if (movedByHand === true) entry.awayByHand.push(topic)
    else entry.away.push(topic)
  }
  return found
}

/**
 * Whether the cluster counts as left. A few topics that a person moved away do not make it so: the others are still to be guarded. When
 * nothing is left on it, it is.
 */
export function isAway({ home, away, awayByHand }: Whereabouts): boolean {
  return away.length > 0 || (home === 0 && awayByHand.length > 0)
}
