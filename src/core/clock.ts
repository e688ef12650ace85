/**
 * The two clocks, injected so that decisions can be tested as tables. Durations and deadlines come from `monotonicMs` only: the
 * wall clock may jump (faults F39).
 */
export interface Clock {
  /** Milliseconds since an arbitrary point, never going back. */
  monotonicMs(): number
  /** Milliseconds since 1970, for records and for people. */
  wallMs(): number
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
}
