import type { HookCall } from '../failover/effect.ts'
import type { EffectWork } from './effect-work.ts'
import { checkCommand, runCommand } from './hook-command.ts'
import { checkUrl, postUrl } from './hook-url.ts'

/** What a hook is told. */
export interface HookNews {
  readonly hook: HookCall['hook']
  readonly cluster: string
  readonly standby: string
  readonly operation: string
  readonly step: string
  /** The same at every attempt: hooks are called at least once (semantics "Failover and failback"). */
  readonly key: string
}

/** Calls the operator's hook, and resolves when it says that it is done; at once where there is none. A drill asks whether it is there. */
export async function callHook(work: EffectWork, { hook, cluster, standby }: HookCall): Promise<void> {
  const { scaleUp, scaleDown, timeoutMs } = work.options.hooks
  const target = hook === 'scale-up' ? scaleUp : scaleDown
  if (target === '') return
  const isUrl = /^https?:\/\//i.test(target)
  const signal = work.stopped
  if (work.dryRun) return isUrl ? checkUrl(target, timeoutMs, signal) : checkCommand(target, signal)
  const { operation, step, key } = work.effect
  const news: HookNews = { hook, cluster, standby, operation, step, key }
  return isUrl ? postUrl(target, news, timeoutMs, signal) : runCommand(target, news, timeoutMs, signal)
}
