import type { ClusterSecond, WatchedBroker } from './evidence.ts'
import type { FailoverRules } from './rules.ts'

/** What our own watch says of a second. `refused` and `silent`: of every broker, and no canary record got through. */
export type WatchSecond = 'through' | 'refused' | 'silent' | 'unknown'

export interface WatchRound {
  readonly kind: 'bad' | 'good' | 'unknown'
  readonly why: string
  /** Good, every partition led and every replica in sync at the end of the round: what the failback gate asks for. */
  readonly whole: boolean
}

export function judgeWatchSecond({ watch }: ClusterSecond): WatchSecond {
  if (watch === undefined || watch.brokers.length === 0) return 'unknown'
  const { brokers } = watch
  if (brokers.some(({ answer, canary }) => answer === 'answered' || canary.ok > 0)) return 'through'
  return brokers.every(({ answer }) => answer === 'refused') ? 'refused' : 'silent'
}

/**
 * Slow round: canary availability below 0.9, or a fifth of the partitions without a leader throughout, or a quorum that was asked and
 * never answered. One broker of several is never a cluster's fault, however bad: that is the outlier finder's business (rules "Outlier
 * brokers"), and the proxies go round it.
 */
export function judgeWatchRound(seconds: readonly ClusterSecond[], rules: FailoverRules): WatchRound {
  const windows = seconds.flatMap(({ watch }) => (watch === undefined ? [] : [watch]))
  if (windows.length === 0)
    return { kind: 'unknown', why: 'the watch has seen nothing of the cluster', whole: false }
  const reasons = [
    canaryReason(brokerAvailabilities(windows.flatMap(({ brokers }) => brokers)), rules),
    leaderReason(
      windows.flatMap(({ partitions }) => (partitions === undefined ? [] : [partitions])),
      rules,
    ),
    quorumReason(windows.map(({ quorum }) => quorum)),
  ].filter((reason) => reason !== undefined)
  if (reasons.length > 0) return { kind: 'bad', why: reasons.join('; '), whole: false }
  const last = windows.at(-1)
  const whole =
    last?.partitions?.withoutLeader === 0 &&
    last.partitions.underReplicated === 0 &&
    last.brokers.every(({ answer }) => answer === 'answered')
  return { kind: 'good', why: 'canaries, leaders and quorum are well', whole }
}

/** Per broker, 0..1: canary records that were ok, or, where none came to an end, requests that were answered. */
function brokerAvailabilities(seen: readonly WatchedBroker[]): readonly number[] {
  return [...Map.groupBy(seen, ({ id }) => id).values()].map((seconds) => {
    let ok = 0
    let ended = 0
    for (const { canary } of seconds) {
      ok += canary.ok
      ended += canary.ok + canary.failed
    }
    if (ended > 0) return ok / ended
    return seconds.filter(({ answer }) => answer === 'answered').length / seconds.length
  })
}

function canaryReason(availabilities: readonly number[], rules: FailoverRules): string | undefined {
  const brokers = availabilities.length
  const unwell = availabilities.filter((value) => value < rules.canaryAvailability).length
  const mean = availabilities.reduce((sum, value) => sum + value, 0) / Math.max(1, brokers)
  if (brokers === 0 || mean >= rules.canaryAvailability || unwell < fewestOfCluster(brokers)) return undefined
  return `canary availability is ${mean.toFixed(2)}, with ${unwell} of ${brokers} brokers unwell`
}

/** From how many unwell brokers on it is the cluster: half of them, and never a single one of several. */
function fewestOfCluster(brokers: number): number {
  return Math.max(Math.ceil(brokers / 2), Math.min(brokers, 2))
}

/** Throughout: an election takes seconds, and heals. */
function leaderReason(
  windows: readonly { readonly known: number; readonly withoutLeader: number }[],
  rules: FailoverRules,
): string | undefined {
  const shares = windows.map(({ known, withoutLeader }) => (known === 0 ? 0 : withoutLeader / known))
  const least = shares.length === 0 ? 0 : Math.min(...shares)
  if (least === 0 || least < rules.leaderlessShare) return undefined
  return `${(least * 100).toFixed(0)} % of the partitions have no leader`
}

function quorumReason(quorum: readonly ('answered' | 'silent' | 'not-asked')[]): string | undefined {
  if (!quorum.includes('silent') || quorum.includes('answered')) return undefined
  return 'the controller quorum does not answer'
}
