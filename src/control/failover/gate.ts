import type { ClusterHistory } from './history.ts'
import type { FailoverRules } from './rules.ts'

export interface Gate {
  readonly open: boolean
  readonly why: string
}

/**
 * Whether a cluster that was left is well enough to come back: its canaries passed for some minutes and every replica is in sync. The
 * check of its configs and topics needs the cluster itself, and is the first step of the failback. Proxies send nothing there, so the
 * watch alone can tell.
 */
export function failbackGate({ rounds, recent }: ClusterHistory, rules: FailoverRules): Gate {
  let well = 0
  for (const round of rounds.toReversed()) {
    if (round.kind !== 'seen' || round.watch.kind !== 'good') break
    well += 1
  }
  const last = rounds.at(-1)
  const seconds = well * rules.roundSeconds
  if (last?.kind === 'seen' && last.watch.kind === 'bad') return { open: false, why: last.watch.why }
  if (well < rules.failbackRounds)
    return { open: false, why: `well for ${seconds} s of ${rules.failbackRounds * rules.roundSeconds}` }
  // Rounds speak of what is up to ten seconds old: a cluster that has just died still has good ones.
  if (recent.some(({ watch }) => watch === 'refused' || watch === 'silent'))
    return { open: false, why: 'no broker of it answered in the last seconds' }
  if (last?.kind !== 'seen' || !last.watch.whole)
    return { open: false, why: 'some partitions lack a leader or a replica in sync' }
  return { open: true, why: `its canaries have passed for ${seconds} s and every replica is in sync` }
}
