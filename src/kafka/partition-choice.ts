/** How full the way to one partition's leader is. */
export interface Candidate {
  readonly partition: number
  /** Bytes sent and unanswered on the leader's lane. */
  readonly queuedBytes: number
  /** The lane takes another batch now. */
  readonly hasRoom: boolean
  /** Nothing was answered on it for longer than the availability timeout. */
  readonly stalled: boolean
}

/**
 * Which partition an unkeyed batch goes to: by weight maxQueue + 1 − queue (KIP-794). A leader that does not drain is left out while any
 * other drains, even if that one is full at the moment: waiting for it costs milliseconds, a hung broker a whole deadline. `draw` gives
 * a number in [0, 1). `undefined` = wait.
 */
export function choosePartition<Choice extends Candidate>(
  candidates: readonly Choice[],
  draw: () => number,
): Choice | undefined {
  const draining = candidates.filter((candidate) => !candidate.stalled)
  const eligible = (draining.length > 0 ? draining : candidates).filter((candidate) => candidate.hasRoom)
  if (eligible.length < 2) return eligible[0]
  const longest = Math.max(...eligible.map((candidate) => candidate.queuedBytes))
  const weights = eligible.map((candidate) => longest + 1 - candidate.queuedBytes)
  let rest = draw() * weights.reduce((sum, weight) => sum + weight, 0)
  for (const [index, weight] of weights.entries()) {
    rest -= weight
    if (rest < 0) return eligible[index]
  }
  return eligible.at(-1)
}
