import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problems.ts'
import { Health } from '../telemetry/health.ts'
import type { Logger } from '../telemetry/logger.ts'
import { buildApp } from './api/app.ts'
import { ControlService } from './apply/control-service.ts'
import { addClusterStates, controlMetrics, failoverDurations } from './control-metrics.ts'
import { buildFailover } from './drive/build-failover.ts'
import type { FailoverControl } from './drive/failover-control.ts'
import { type FailoverSettings, rulesOf } from './drive/failover-settings.ts'
import { ProxyFollowers } from './followers/proxy-followers.ts'
import { LeaseKeeper } from './leadership/lease-keeper.ts'
import { ClusterAdmins } from './provision/clusters.ts'
import type { ControlStore } from './store/control-store.ts'
import { openStore } from './store/open-store.ts'
import { StateFeed } from './store/state-feed.ts'

export interface ControlSettings extends FailoverSettings {
  readonly host: string
  readonly port: number
  /** SQLite file, or `postgres://…`. */
  readonly store: string
  readonly token: string
  /** URL by which others reach this replica; '' = where it listens. */
  readonly advertise: string
  readonly leaseMs: number
}

export interface RunningControl {
  readonly url: string
  /** Not ready from now on; long-polls are let go; resolves when the last request is answered and the store is closed. */
  drain(): Promise<void>
  /** Cuts every connection; `drain` then resolves soon. */
  cut(): void
}

interface Surroundings {
  readonly logger: Logger
  readonly clock: Clock
}

const deletionIntervalMs = 60_000

/** Opens the store and listens. Throws `StoreError` when the store cannot be used, or the system's error when the address is taken. */
export async function startControl(
  settings: ControlSettings,
  { logger, clock }: Surroundings,
): Promise<RunningControl> {
  const store = await openStore(settings.store, {
    wallMs: () => clock.wallMs(),
    onTrouble: (error) => logger.warn({ err: error }, 'a connection to the store broke'),
  })
  try {
    return await run(settings, store, { logger, clock })
  } catch (error) {
    await store.close()
    throw error
  }
}

async function run(
  settings: ControlSettings,
  store: ControlStore,
  { logger, clock }: Surroundings,
): Promise<RunningControl> {
  const admins = new ClusterAdmins()
  const feed = await StateFeed.open(store)
  const health = new Health()
  const rules = rulesOf(settings)
  let draining = false
  let address = settings.advertise
  const keeper = new LeaseKeeper({
    store,
    candidate: {
      holder: randomUUID(),
      get address() {
        return address
      },
    },
    lengthMs: settings.leaseMs,
    clock,
    logger,
    leaderAddress: () => feed.position.leadership.address,
    onRound: () => feed.refresh(),
    onChange: (term) => {
      if (term === undefined) followers.rest()
      else followers.lead()
      failover.control.change(term)
      if (term !== undefined) resume()
    },
  })
  const followers = new ProxyFollowers({
    store,
    authority: (by) => keeper.authority(by),
    leaseMs: rules.leaseMs,
    clock,
    logger,
  })
  const service = new ControlService({
    store,
    admins,
    logger,
    committed: () => feed.refresh(),
    authority: (by) => keeper.authority(by),
  })
  const resume = () => {
    if (keeper.term === undefined) return
    service.resume().catch((error: unknown) => {
      if (!(error instanceof Problem)) logger.error({ err: error }, 'ending old deletions failed')
    })
  }
  const registry = controlMetrics(feed, keeper)
  const durations = failoverDurations(registry)
  const failover = buildFailover(settings, rules, {
    store,
    feed,
    admins,
    service,
    register: followers.register,
    keeper,
    clock,
    logger,
    onFailover: (tookMs) => durations.observe(tookMs / 1000),
  })
  addClusterStates(registry, failover.control)
  addChecks(health, { store, feed, keeper, failover: failover.control, isDraining: () => draining })
  const app = buildApp({
    ...settings,
    store,
    admins,
    feed,
    service,
    keeper,
    register: followers.register,
    clock,
    mover: failover.control.mover,
    reader: failover.control.reader,
    freezes: failover.control.freezes,
    watch: failover.senses,
    healthOf: (cluster) => failover.control.health(cluster),
    registry,
    health,
    logger,
    isDraining: () => draining,
  })
  await app.listen({ host: settings.host, port: settings.port })
  const url = urlOf(app)
  if (address === '') address = advertised(url)
  await keeper.start()
  followers.start()
  const timer = setInterval(resume, deletionIntervalMs)
  logger.info(
    { url, advertise: address, storeId: store.storeId, version: feed.current.document.version },
    'control plane listening',
  )
  return {
    url,
    async drain() {
      draining = true
      clearInterval(timer)
      feed.drain()
      await app.close()
      await failover.control.stop()
      await failover.close()
      await service.settled()
      await followers.stop()
      await keeper.stop()
      await admins.close()
      await store.close()
    },
    cut() {
      app.server.closeAllConnections()
    },
  }
}

/** A store that is away makes nobody unready: reads are answered from memory, and proxies need them most then. */
function addChecks(
  health: Health,
  {
    store,
    feed,
    keeper,
    failover,
    isDraining,
  }: {
    store: ControlStore
    feed: StateFeed
    keeper: LeaseKeeper
    failover: FailoverControl
    isDraining: () => boolean
  },
): void {
  health.register('store', () => {
    if (!keeper.settled) return { problem: 'starting' }
    const detail = { storeId: store.storeId, version: feed.current.document.version }
    const { trouble } = keeper
    return { detail: trouble === undefined ? detail : { ...detail, readOnly: trouble.message } }
  })
  health.register('leadership', () => {
    const { term, address } = feed.position.leadership
    return { detail: { role: keeper.term === undefined ? 'standby' : 'leader', term, leader: address } }
  })
  // What is wrong with a cluster never makes us unready: it is what we are there for.
  health.register('clusters', () => ({ detail: clusterDetails(failover) }))
  health.register('process', () => (isDraining() ? { problem: 'draining' } : {}))
}

function clusterDetails(failover: FailoverControl): Record<string, unknown> {
  const details = [...failover.states.keys()].map((cluster) => {
    const health = failover.health(cluster)
    return [cluster, { state: health?.state, ...health?.decision }] as const
  })
  return { ...Object.fromEntries(details), operations: failover.operations.running.map(({ id }) => id) }
}

function urlOf(app: FastifyInstance): string {
  const { address, port, family } = app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** Nobody else can reach an address such as 0.0.0.0. */
function advertised(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\])/, `//${hostname()}`)
}
