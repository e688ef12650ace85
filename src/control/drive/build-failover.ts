import { randomUUID } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ControlService } from '../apply/control-service.ts'
import { ClusterEffects } from '../effects/cluster-effects.ts'
import type { FailoverRules } from '../failover/rules.ts'
import type { ProxyRegister } from '../followers/proxy-register.ts'
import type { LeaseKeeper } from '../leadership/lease-keeper.ts'
import type { ClusterAdmins } from '../provision/clusters.ts'
import type { ControlStore } from '../store/control-store.ts'
import type { StateFeed } from '../store/state-feed.ts'
import { partitionsBehind, throughEachBroker } from '../watch/one-off.ts'
import { Watches } from '../watch/watches.ts'
import { ClusterSenses } from './cluster-senses.ts'
import { FailoverControl } from './failover-control.ts'
import type { FailoverSettings } from './failover-settings.ts'

export interface FailoverParts {
  readonly store: ControlStore
  readonly feed: StateFeed
  readonly admins: ClusterAdmins
  readonly service: ControlService
  readonly register: ProxyRegister
  readonly keeper: LeaseKeeper
  readonly clock: Clock
  readonly logger: Logger
  /** In milliseconds from its beginning; drills are none. */
  readonly onFailover: (tookMs: number) => void
}

export interface BuiltFailover {
  readonly control: FailoverControl
  readonly senses: ClusterSenses
  /** After `control.stop`. */
  close(): Promise<void>
}

/** Failover on real clusters: the watch, the side effects, and what decides. Nothing is done before it is told of a term. */
export function buildFailover(
  settings: FailoverSettings,
  rules: FailoverRules,
  parts: FailoverParts,
): BuiltFailover {
  const { store, feed, admins, service, register, keeper, clock, logger } = parts
  const watches = new Watches({ watch: randomUUID(), clock, logger })
  const senses = new ClusterSenses({ watches, feed, clock, logger })
  const {
    scaleUpHook: scaleUp = '',
    scaleDownHook: scaleDown = '',
    hookTimeoutMs: timeoutMs = 60_000,
  } = settings
  const runner = new ClusterEffects({
    store,
    feed,
    admins,
    commits: service.commits,
    probes: { throughEachBroker, partitionsBehind },
    hooks: { scaleUp, scaleDown, timeoutMs },
    acknowledgement: (awaited) => register.acknowledgement(awaited, clock.monotonicMs()),
    committed: () => feed.refresh(),
    logger,
    progress: ({ key }, sentence) => control.progress(key, sentence),
  })
  const control: FailoverControl = new FailoverControl({
    ...parts,
    watch: senses,
    runner,
    rules,
    term: () => keeper.term,
    authority: (by) => keeper.authority(by),
    canWake: scaleUp !== '',
    isOff: settings.failover === 'off',
    changed: (term) => {
      if (term === undefined) senses.rest()
    },
  })
  return {
    control,
    senses,
    async close() {
      senses.rest()
      await watches.close()
    },
  }
}
