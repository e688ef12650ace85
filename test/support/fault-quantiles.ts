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

/** The p99s of stretches of 100 requests in the order of their due times; ascending. */
function p99sOfWindows(requests: readonly Timed[], of: (request: Timed) => number): number[] {
  const inOrder = requests.toSorted((a, b) => a.dueMs - b.dueMs)
  const windows = Math.max(1, Math.floor(inOrder.length / 100))
  const size = Math.ceil(inOrder.length / windows)
  const p99s = Array.from({ length: windows }, (_, index) =>
    quantileMs(inOrder.slice(index * size, (index + 1) * size), 0.99, of),
  )
  return p99s.sort((a, b) => a - b)
}

/** Median of the p99s of stretches of 100 requests: one stall of the machine decides nothing. */
export function windowedP99Ms(requests: readonly Timed[], of: (request: Timed) => number = fromDue): number {
  return spread(p99sOfWindows(requests, of)).median
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
 * Others are not slowed down: over all turns, the median of the p99s of a hundred requests each is with the fault at most 1.5 × what it
 * is without, times counting from when the client sent. As turns alternate, what else happens on the machine falls on both; where that
 * is so much that a quarter of the quiet stretches are beyond 1.5 × themselves, no more can be told than that the fault is within it.
 */
export function assertNotSlowed(
  context: TestContext,
  name: string,
  requests: readonly Timed[],
  turns: readonly Turn[],
): number {
  const p99s = (times: Turn['quiet']) =>
    times.flatMap(([fromMs, toMs]) => {
      const inside = requests.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs)
      return p99sOfWindows(inside, fromSent)
    })
  const quiet = p99s(turns.flatMap((turn) => turn.quiet)).sort((a, b) => a - b)
  const fault = p99s(turns.map((turn) => turn.fault))
  const [quietMs, faultMs] = [spread(quiet).median, spread(fault).median]
  const upperQuarterMs = quiet[Math.floor(0.75 * quiet.length)] ?? 0
  const seen = `p99 ${quietMs.toFixed(1)} ms (a quarter from ${upperQuarterMs.toFixed(1)}) without, ${faultMs.toFixed(1)} ms with the fault`
  context.diagnostic(`${name}: ${seen}; ${quiet.length} and ${fault.length} stretches`)
  assert.ok(faultMs <= Math.max(1.5 * quietMs, upperQuarterMs) + graceMs, `${name}: ${seen}`)
  return faultMs / quietMs
}
