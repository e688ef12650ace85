import type { ClusterState } from './cluster-state.ts'
import type { Lane } from './lane.ts'
import type { ProduceStanding } from './produce-window.ts'
import type { ProducerAccount } from './producer-account.ts'

/** How a producer stands, for readiness and metrics. `unlookedMs`: how long work was there that nobody looked at. */
export function stateOf(
  account: ProducerAccount,
  lanes: Iterable<Lane>,
  nowMs: number,
  unlookedMs: number,
): ClusterState {
  const all = [...lanes]
  const states = all.map((lane) => lane.state())
  const ackAgeMs = account.ackAgeMs(nowMs)
  return {
    ackAgeMs: ackAgeMs === undefined ? null : Math.round(ackAgeMs),
    unsettledBatches: account.unsettled,
    open: states.length > 0 && states.every(({ breaker }) => breaker === 'open'),
    overdueMs: Math.round(Math.max(0, unlookedMs, ...all.map((lane) => lane.overdueMs()))),
    lanes: states,
  }
}

/** The same for a report to the control plane. `oldestSinceMs` (monotonic) is `Infinity` while nothing waits. */
export function standingOf(
  cluster: string,
  account: ProducerAccount,
  lanes: Iterable<Lane>,
  nowMs: number,
  oldestSinceMs: number,
): ProduceStanding {
  const brokers = new Map<number, { id: number; open: boolean; queuedBytes: number }>()
  for (const lane of lanes) {
    const id = lane.broker
    const before = brokers.get(id) ?? { id, open: true, queuedBytes: 0 }
    const open = before.open && !lane.isMissing
    brokers.set(id, { id, open, queuedBytes: before.queuedBytes + lane.queuedBytes })
  }
  const waiting = account.events
  return {
    cluster,
    waiting,
    oldestWaitMs: waiting === 0 || oldestSinceMs > nowMs ? 0 : Math.round(nowMs - oldestSinceMs),
    brokers: [...brokers.values()],
  }
}
