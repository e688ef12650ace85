import type { Clock } from '../core/clock.ts'
import { imbalance, type Ledger } from '../core/outcome.ts'
import type { ClusterState } from '../kafka/cluster-state.ts'
import { type Check, Health } from '../telemetry/health.ts'
import type { BoundedAmount } from './event-room.ts'
import { beatMs, WedgeWatch } from './readiness-wedge.ts'

export interface ReadinessSources {
  readonly clock: Clock
  readonly ledger: Ledger
  /** Of the buffer. */
  readonly bytes: BoundedAmount
  readonly records: BoundedAmount
  readonly clusters: () => Iterable<readonly [string, ClusterState]>
  readonly placement: () => PlacementFacts
  readonly isDraining: () => boolean
}

export interface PlacementFacts {
  /** `undefined` while there is none. */
  readonly version: number | undefined
  /** Since the control plane confirmed it; `Infinity` when it never did since the start. */
  readonly ageMs: number
  /** What came of asking for it. */
  readonly counts: object
}

/**
 * Whether this proxy should get requests, and all that `/readyz?verbose` tells. Not ready only while it drains, has no placement or is
 * wedged: a full buffer, a cluster that is out and an old placement are told, and do not make it unready (semantics "Placement"), because
 * every other proxy would be in the same state, and this one still refuses cheaply what it cannot take.
 */
export class ProxyReadiness {
  readonly health = new Health()
  readonly #sources: ReadinessSources
  readonly #wedge: WedgeWatch

  constructor(sources: ReadinessSources) {
    this.#sources = sources
    this.#wedge = new WedgeWatch(sources.clock)
    setInterval(() => this.#wedge.beat(this.#overdueMs()), beatMs).unref()
    this.health.register('placement', () => placementCheck(sources.placement()))
    this.health.register('draining', () => (sources.isDraining() ? { problem: 'draining' } : {}))
    this.health.register('loop', () => this.#loopCheck())
    this.health.register('buffer', () => ({ detail: fillOf(sources.bytes, sources.records) }))
    this.health.register('clusters', () => ({ detail: this.#clusters() }))
    this.health.register('ledger', () => ({ detail: { imbalance: imbalances(sources.ledger) } }))
  }

  #loopCheck(): Check {
    const { reason, lateMs } = this.#wedge
    const detail = { lateMs: Math.round(lateMs), overdueMs: this.#overdueMs(), wedged: reason ?? null }
    return reason === undefined ? { detail } : { problem: 'wedged', detail }
  }

  #overdueMs(): number {
    let most = 0
    for (const [, { overdueMs }] of this.#sources.clusters()) most = Math.max(most, overdueMs)
    return most
  }

  #clusters(): Record<string, object> {
    const { bytes, records } = this.#sources
    return Object.fromEntries(
      [...this.#sources.clusters()].map(([cluster, state]) => [
        cluster,
        { ...state, bufferBytes: bytes.ofCluster(cluster), bufferRecords: records.ofCluster(cluster) },
      ]),
    )
  }
}

function placementCheck({ version, ageMs, counts }: PlacementFacts): Check {
  if (version === undefined) return { problem: 'no-placement', detail: { ...counts } }
  return { detail: { version, ageMs: Number.isFinite(ageMs) ? Math.round(ageMs) : null, ...counts } }
}

function fillOf(bytes: BoundedAmount, records: BoundedAmount): object {
  const fill = Math.max(bytes.used / bytes.limit, records.used / records.limit)
  return {
    usedBytes: bytes.used,
    limitBytes: bytes.limit,
    usedRecords: records.used,
    limitRecords: records.limit,
    fill: Number(fill.toFixed(4)),
  }
}

/** Topics whose counts do not add up: none, always. */
function imbalances(ledger: Ledger): Record<string, number> {
  const wrong: Record<string, number> = {}
  for (const [topic, counts] of ledger.topics) {
    const difference = imbalance(counts)
    if (difference !== 0) wrong[topic] = difference
  }
  return wrong
}
