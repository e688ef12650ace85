/** Every number of the decision is a setting; the defaults are those of rules.md "Failover" and semantics.md. */
export interface FailoverRules {
  /** A window is late, and proves nothing, when it ends so much after its second: then it was we who stood still. */
  readonly stallMs: number
  /** The wall clock may differ so much from the monotonic one within a window before we take it for a jump. */
  readonly clockJumpMs: number
  /** After a stall or jump, what was under way fails for our own reasons: blind for so long. */
  readonly settleMs: number
  /** Windows in a slow round. */
  readonly roundSeconds: number
  /** Rounds that are remembered. */
  readonly rememberedRounds: number
  /** A proxy has a bad round when more than this part of its attempts failed. */
  readonly failedRatio: number
  /** The proxies have a bad round when at least this part of them has. */
  readonly proxyShare: number
  /** Canary records that must be ok, as a part. */
  readonly canaryAvailability: number
  /** At least this part of the partitions without a leader is bad. */
  readonly leaderlessShare: number
  /** Both scores must have come to this. */
  readonly fireScore: number
  /** Scores do not grow beyond this, so that a cluster that is well again is believed after some rounds. */
  readonly maxScore: number
  /** Waiting for so long without an acknowledgement is being stuck. */
  readonly stuckMs: number
  /** Fast path: so many windows in which nothing gets through, when every broker refuses connections … */
  readonly fastRefusedSeconds: number
  /** … and when brokers are silent instead, where one of the windows may be a pause. */
  readonly fastSilentSeconds: number
  /** No automatic move and no failback of a cluster for so long after it was moved. */
  readonly holdDownMs: number
  /** At most one automatic move of a cluster in this time. */
  readonly moveIntervalMs: number
  /** The brake works when at least so many fronting clusters are watched … */
  readonly brakeClusters: number
  /** … and more than this part of them looks bad. */
  readonly brakeShare: number
  /** A score that makes a cluster look bad to the brake. */
  readonly brakeScore: number
  /** A cluster that was moved away counts for the brake for so long after its move: its trouble may be the same fault of ours. */
  readonly brakeMemoryMs: number
  /** Windows in which everything gets through that take back a failover which has not moved anything. */
  readonly recoveredSeconds: number
  /** The failback gate: the watch must have found the cluster well for so many rounds on end. */
  readonly failbackRounds: number
  /** A proxy is live for so long after its last report. */
  readonly leaseMs: number
}

export const defaultRules: FailoverRules = {
  stallMs: 1000,
  clockJumpMs: 1000,
  settleMs: 3000,
  roundSeconds: 10,
  rememberedRounds: 60,
  failedRatio: 0.01,
  proxyShare: 0.5,
  canaryAvailability: 0.9,
  leaderlessShare: 0.2,
  fireScore: 3,
  maxScore: 6,
  stuckMs: 500,
  fastRefusedSeconds: 2,
  fastSilentSeconds: 3,
  holdDownMs: 15 * 60_000,
  moveIntervalMs: 60 * 60_000,
  brakeClusters: 3,
  brakeShare: 0.5,
  brakeScore: 2,
  brakeMemoryMs: 60_000,
  recoveredSeconds: 3,
  failbackRounds: 30,
  leaseMs: 10_000,
}
