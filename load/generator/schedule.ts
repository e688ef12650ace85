import type { Random } from './random.ts'

export const arrivalPatterns = ['uniform', 'poisson', 'bursty'] as const
export type ArrivalPattern = (typeof arrivalPatterns)[number]

export interface ScheduleOptions {
  readonly pattern: ArrivalPattern
  /** On average, above 0. */
  readonly requestsPerSecond: number
  readonly random: Random
  /** `bursty`: length of a cycle (default 200 ms). */
  readonly periodMs?: number
  /** `bursty`: part of the cycle in which all its requests come, above 0 and at most 1 (default 0.1). */
  readonly burstShare?: number
}

/**
 * The intended starts of requests, in milliseconds from the beginning, never decreasing and without end. Decided before anything is
 * sent, so that a server that stalls cannot slow its own load down (an open loop).
 */
export function arrivals(options: ScheduleOptions): Generator<number, never> {
  const { pattern, requestsPerSecond } = options
  if (!(requestsPerSecond > 0)) throw new RangeError(`${requestsPerSecond} requests per second`)
  if (pattern === 'poisson') return poisson(options)
  return pattern === 'bursty' ? bursty(options) : uniform(options)
}

/** One every 1000 ÷ rate ms; by multiplication, so that an hour adds no rounding. */
function* uniform({ requestsPerSecond }: ScheduleOptions): Generator<number, never> {
  for (let index = 0; ; index += 1) yield (index * 1000) / requestsPerSecond
}

/** Independent clients: exponential gaps. */
function* poisson({ requestsPerSecond, random }: ScheduleOptions): Generator<number, never> {
  for (let atMs = 0; ; ) {
    // 1 − [0, 1) is never 0, whose logarithm has no number.
    atMs += (-Math.log(1 - random()) * 1000) / requestsPerSecond
    yield atMs
  }
}

/** The whole rate of each cycle squeezed evenly into its first part: the k-th uniform arrival, moved within its own cycle. */
function* bursty(options: ScheduleOptions): Generator<number, never> {
  const { requestsPerSecond, periodMs = 200, burstShare = 0.1 } = options
  for (let index = 0; ; index += 1) {
    const atMs = (index * 1000) / requestsPerSecond
    const cycleMs = Math.floor(atMs / periodMs) * periodMs
    yield cycleMs + (atMs - cycleMs) * burstShare
  }
}
