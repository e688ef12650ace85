import type { ClusterHistory, Round } from '../failover/history.ts'
import type { ClusterSituation, Decision } from '../failover/situation.ts'
import type { EventRecord } from '../store/records.ts'

/** What the API shows of a watched cluster. */
export interface ClusterHealth {
  readonly state: ClusterSituation['phase']['name']
  readonly decision: {
    readonly action: Decision['action']
    readonly why: string
    /** RFC 3339: since when it has been deciding so, for reasons of this kind. */
    readonly since: string
  }
  readonly scores: Decision['scores']
  /** Newest last. */
  readonly rounds: readonly ShownRound[]
  readonly standby?: ClusterSituation['standby']
}

export type ShownRound =
  | { readonly at: string; readonly blind: true }
  | {
      readonly at: string
      readonly proxies: { readonly kind: string; readonly why: string }
      readonly watch: { readonly kind: string; readonly why: string }
    }

interface Entry {
  readonly situation: ClusterSituation
  readonly decision: Decision
  readonly since: Moment
}

/** On both clocks: the one counts, the other is shown. */
interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

const shownRounds = 6
/** What is no more than a suspicion, or its end, must have lasted for so long to be written: trouble that comes and goes is one event. */
const lastingMs = 10_000

/** The last decision about each cluster, and which of them are news. Lives as long as one term of this leader. */
export class HealthBoard {
  #entries = new Map<string, Entry>()
  #nowMs = 0
  /** What was last written as an event, by cluster. */
  readonly #told = new Map<string, string>()

  clear(): void {
    this.#entries.clear()
    this.#told.clear()
  }

  /** Replaces everything that was known; clusters that are not among them are forgotten. */
  show(
    seen: readonly { readonly situation: ClusterSituation; readonly decision: Decision }[],
    now: Moment,
  ): void {
    const before = this.#entries
    this.#nowMs = now.monotonicMs
    this.#entries = new Map(
      seen.map(({ situation, decision }) => {
        const known = before.get(decision.cluster)
        const same = known !== undefined && kindOf(known.decision) === kindOf(decision)
        return [decision.cluster, { situation, decision, since: same ? known.since : now }]
      }),
    )
  }

  /** Events for the clusters about which the last event said something else. They are news until `told` is called with them. */
  news(): readonly EventRecord[] {
    const events: EventRecord[] = []
    for (const [cluster, entry] of this.#entries) {
      if (!this.#isNews(entry, this.#told.get(cluster))) continue
      const { action, why, scores } = entry.decision
      events.push({ kind: `cluster.${eventNames[action]}`, subject: cluster, data: { why, scores } })
    }
    return events
  }

  #isNews({ decision, since }: Entry, told: string | undefined): boolean {
    const { action } = decision
    if (told === kindOf(decision)) return false
    if (action !== 'none' && action !== 'suspect') return true
    // That there is nothing to say is no news at the start.
    if (told === undefined) return action === 'suspect'
    if (action === 'suspect' && told.startsWith(`cluster.${eventNames.none} `)) return true
    return this.#nowMs - since.monotonicMs >= lastingMs
  }

  /** They are committed. */
  told(events: readonly EventRecord[]): void {
    for (const { kind, subject, data } of events) this.#told.set(subject, wordsOf(kind, String(data.why)))
  }

  decision(cluster: string): Decision | undefined {
    return this.#entries.get(cluster)?.decision
  }

  get states(): ReadonlyMap<string, ClusterHealth['state']> {
    return new Map([...this.#entries].map(([cluster, { situation }]) => [cluster, situation.phase.name]))
  }

  history(cluster: string): ClusterHistory | undefined {
    return this.#entries.get(cluster)?.situation.history
  }

  /** `undefined`: it is not watched, or not from here. */
  health(cluster: string, now: Moment): ClusterHealth | undefined {
    const entry = this.#entries.get(cluster)
    if (entry === undefined) return undefined
    const { situation, decision, since } = entry
    const { phase, standby, history } = situation
    const shownAt = (atMs: number) => new Date(now.wallMs - (now.monotonicMs - atMs)).toISOString()
    return {
      state: phase.name,
      decision: {
        action: decision.action,
        why: decision.why,
        since: new Date(since.wallMs).toISOString(),
      },
      scores: decision.scores,
      rounds: history.rounds.slice(-shownRounds).map((round) => shownRound(round, shownAt(round.atMs))),
      ...(standby === undefined ? {} : { standby }),
    }
  }
}

function shownRound(round: Round, at: string): ShownRound {
  if (round.kind === 'blind') return { at, blind: true }
  const { proxies, watch } = round
  return {
    at,
    proxies: { kind: proxies.kind, why: proxies.why },
    watch: { kind: watch.kind, why: watch.why },
  }
}

const eventNames: Readonly<Record<Decision['action'], string>> = {
  none: 'settled',
  suspect: 'suspect',
  hold: 'hold',
  'fail-over': 'fail-over',
  cancel: 'cancel',
  reverse: 'reverse',
  'fail-back': 'fail-back',
}

/** Two decisions are of one kind when they differ in numbers only: a hold-down that runs out is not news every second. */
function kindOf({ action, why }: Decision): string {
  return wordsOf(`cluster.${eventNames[action]}`, why)
}

function wordsOf(kind: string, why: string): string {
  return `${kind} ${why.replace(/\d+(\.\d+)?/g, '#')}`
}
