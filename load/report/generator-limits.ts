import type { ContenderResult } from '../scenarios/cost.ts'
import type { LatencyRow } from '../scenarios/latency.ts'
import { spread } from './statistics.ts'

/** Later than this at p99, the generator did not keep its schedule; timers and one turn of its loop explain less. */
const lateMicros = 10_000
/** With more of its core in use than this, answers wait in the generator. */
const busyShare = 0.85

/** Why figures of this contender are the generator's rather than the server's, or `undefined`. */
export function generatorLimit({ rounds }: Pick<ContenderResult, 'rounds'>): string | undefined {
  const median = (pick: (round: ContenderResult['rounds'][number]) => number | undefined) =>
    spread(rounds.map(pick).filter((value) => value !== undefined)).median
  const lateness = median((round) => round.latenessP99)
  const generator = median((round) => round.generatorCpuShare)
  const server = median((round) => round.serverCpuShare)
  if (lateness > lateMicros) {
    return `its own sends were ${(lateness / 1000).toFixed(1)} ms late at p99, and latencies contain that`
  }
  if (generator > busyShare && generator > server) {
    return `it used ${Math.round(generator * 100)} % of a core: events/s and latencies are its limit`
  }
  // Shares its core with the brokers: half of it may be all there was.
  if (Number.isNaN(lateness) && server < busyShare && generator > 0.5 && generator > server) {
    return `the server had CPU left while generator and brokers had none: events/s is their limit`
  }
  return undefined
}

/** The same for latencies: the part of the p99 that is the generator's own. */
export function latencyLimit({ latency, lateness }: LatencyRow): string | undefined {
  if (lateness.p99 <= latency.p99 / 2) return undefined
  return `its own sends were ${(lateness.p99 / 1000).toFixed(2)} ms late at p99, more than half of the p99`
}
