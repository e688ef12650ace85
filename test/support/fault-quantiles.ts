import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { spread } from '../../load/report/statistics.ts'

/** What a quantile is taken of. */
export interface Timed {
  readonly dueMs: number
  readonly sentMs: number
  readonly endMs: number
}

/** From the due time: a stall of the client counts too. */
export const fromDue = ({ dueMs, endMs }: Timed): number => endMs - dueMs
/** From when the client handed it to its connection: the server's side of the work. */
export const fromSent = ({ sentMs, endMs }: Timed): number => endMs - sentMs

/** The q-quantile (0 to 1) of the requests' times in milliseconds; 0 of none. */
export function quantileMs(
  requests: readonly Timed[],
  q: number,
  of: (request: Timed) => number = fromDue,
): number {
  const sorted = requests.map(of).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
}

/** Median of the p99s of stretches of 100 requests in the order of their due times: one stall of the machine decides nothing. */
export function windowedP99Ms(requests: readonly Timed[], of: (request: Timed) => number = fromDue): number {
  const inOrder = requests.toSorted((a, b) => a.dueMs - b.dueMs)
  const windows = Math.max(1, Math.floor(inOrder.length / 100))
  const size = Math.ceil(inOrder.length / windows)
  const p99s = Array.from({ length: windows }, (_, index) =>
    quantileMs(inOrder.slice(index * size, (index + 1) * size), 0.99, of),
  )
  return spread(p99s).median
}

/** A time with the fault, and the quiet times before and after it. On the clock of the loads. */
export interface Turn {
  readonly quiet: readonly (readonly [fromMs: number, toMs: number])[]
  /** From when it is judged: the fault may need a moment to be noticed. */
  readonly fault: readonly [fromMs: number, toMs: number]
}

/** Below this nothing is judged: timers of clients have steps of a millisecond. */
const graceMs = 2

/**
 * Others are not slowed down: the p99 of each turn is held against the p99 of the quiet times around it, and the median of these ratios
 * is at most 1.5. What else happens on the machine falls on both sides, or on one turn only.
 */
export function assertNotSlowed(
  context: TestContext,
  name: string,
  requests: readonly Timed[],
  turns: readonly Turn[],
): number {
  const within = (times: Turn['quiet']) =>
    requests.filter(({ dueMs }) => times.some(([fromMs, toMs]) => dueMs >= fromMs && dueMs < toMs))
  const pairs = turns.map(({ quiet, fault }) => ({
    quietMs: windowedP99Ms(within(quiet)),
    faultMs: windowedP99Ms(within([fault])),
  }))
  const ratio = spread(pairs.map(({ quietMs, faultMs }) => (faultMs - graceMs) / quietMs)).median
  const seen = pairs
    .map(({ quietMs, faultMs }) => `${quietMs.toFixed(1)} → ${faultMs.toFixed(1)} ms`)
    .join(', ')
  context.diagnostic(`${name}: p99 ${seen}; median ratio ${ratio.toFixed(2)}`)
  assert.ok(ratio <= 1.5, `${name}: p99 ${seen}`)
  return ratio
}
