/** A member of a group, as its subscription tells the leader. */
export interface MemberClaim {
  readonly memberId: string
  /** What it says that it owns. */
  readonly owned: readonly number[]
  /** Of the generation in which it got them: a member that slept through a rebalance claims what is another's now. */
  readonly generation: number
}

export type Assignment = ReadonlyMap<string, readonly number[]>

/**
 * Who is to own which of `partitions` (0..n−1) in the end: each partition exactly once, shares differ by at most one, and as many stay
 * where they are as that allows (sticky).
 */
export function targetAssignment(claims: readonly MemberClaim[], partitions: number): Assignment {
  const owners = currentOwners(claims, partitions)
  const kept = new Map(claims.map(({ memberId }): [string, number[]] => [memberId, []]))
  for (const [partition, memberId] of owners) kept.get(memberId)?.push(partition)
  // Those who own most get the larger shares: then the fewest partitions have to move.
  const members = [...kept].sort(
    ([idA, ownedA], [idB, ownedB]) => ownedB.length - ownedA.length || compare(idA, idB),
  )
  const smaller = Math.floor(partitions / Math.max(1, members.length))
  const larger = partitions % Math.max(1, members.length)
  const result = new Map<string, number[]>()
  const placed = new Set<number>()
  for (const [index, [memberId, owned]] of members.entries()) {
    const share = smaller + (index < larger ? 1 : 0)
    const mine = owned.sort((a, b) => a - b).slice(0, share)
    for (const partition of mine) placed.add(partition)
    result.set(memberId, mine)
  }
  let next = 0
  for (const [index, [memberId]] of members.entries()) {
    const share = smaller + (index < larger ? 1 : 0)
    const mine = result.get(memberId) ?? []
    for (; mine.length < share; next += 1) if (!placed.has(next)) mine.push(next)
  }
  return result
}

/**
 * What the leader hands out now (KIP-429): the target, without the partitions that another member still owns. It gives them up when it
 * sees that they are missing from its share, joins again, and then they are free. So nobody stops reading what it keeps, and no
 * partition ever has two owners.
 */
export function cooperativeAssignment(claims: readonly MemberClaim[], partitions: number): Assignment {
  const owners = currentOwners(claims, partitions)
  const target = targetAssignment(claims, partitions)
  return new Map(
    [...target].map(([memberId, mine]) => [
      memberId,
      mine.filter((partition) => (owners.get(partition) ?? memberId) === memberId),
    ]),
  )
}

/** Of several claims the one from the latest generation holds; among equals, which cannot be, the first by id. */
function currentOwners(claims: readonly MemberClaim[], partitions: number): ReadonlyMap<number, string> {
  const owners = new Map<number, MemberClaim>()
  for (const claim of claims.toSorted((a, b) => compare(a.memberId, b.memberId))) {
    for (const partition of claim.owned) {
      if (partition < 0 || partition >= partitions) continue
      const rival = owners.get(partition)
      if (rival === undefined || rival.generation < claim.generation) owners.set(partition, claim)
    }
  }
  return new Map([...owners].map(([partition, { memberId }]) => [partition, memberId]))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
