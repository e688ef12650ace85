import { defaultRules, type FailoverRules } from '../failover/rules.ts'

/** What of the rules operators may set; absent = the default. */
export interface FailoverSettings {
  /** `off`: people move, decisions are only shown. */
  readonly failover?: 'auto' | 'off'
  readonly holdDownMs?: number
  readonly moveIntervalMs?: number
  /** How long a cluster must have been well before it is brought back; whole rounds, rounded up. */
  readonly failbackAfterMs?: number
  /** Whole seconds, rounded up. */
  readonly fastRefusedMs?: number
  readonly fastSilentMs?: number
  readonly proxyLeaseMs?: number
  /** See `HookSettings` of the effects; '' = none. */
  readonly scaleUpHook?: string
  readonly scaleDownHook?: string
  readonly hookTimeoutMs?: number
}

export function rulesOf(settings: FailoverSettings): FailoverRules {
  const { roundSeconds } = defaultRules
  const seconds = (ms: number | undefined, fallback: number) =>
    ms === undefined ? fallback : Math.max(1, Math.ceil(ms / 1000))
  const { failbackAfterMs } = settings
  const failbackRounds =
    failbackAfterMs === undefined
      ? defaultRules.failbackRounds
      : Math.max(1, Math.ceil(failbackAfterMs / (roundSeconds * 1000)))
  return {
    ...defaultRules,
    rememberedRounds: Math.max(defaultRules.rememberedRounds, failbackRounds),
    holdDownMs: settings.holdDownMs ?? defaultRules.holdDownMs,
    moveIntervalMs: settings.moveIntervalMs ?? defaultRules.moveIntervalMs,
    failbackRounds,
    fastRefusedSeconds: seconds(settings.fastRefusedMs, defaultRules.fastRefusedSeconds),
    fastSilentSeconds: seconds(settings.fastSilentMs, defaultRules.fastSilentSeconds),
    leaseMs: settings.proxyLeaseMs ?? defaultRules.leaseMs,
  }
}
