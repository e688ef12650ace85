import type { AddressInfo } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { Health } from '../telemetry/health.ts'
import type { Logger } from '../telemetry/logger.ts'
import { buildApp } from './api/app.ts'
import { PlacementFeed } from './api/placement-feed.ts'
import { ControlService } from './apply/control-service.ts'
import { controlMetrics } from './control-metrics.ts'
import { ClusterAdmins } from './provision/clusters.ts'
import { SqliteStore } from './store/sqlite-store.ts'

export interface ControlSettings {
  readonly host: string
  readonly port: number
  /** SQLite file. */
  readonly store: string
  readonly token: string
}

export interface RunningControl {
  readonly url: string
  /** Not ready from now on; long-polls are let go; resolves when the last request is answered and the store is closed. */
  drain(): Promise<void>
  /** Cuts every connection; `drain` then resolves soon. */
  cut(): void
}

const deletionIntervalMs = 60_000

/** Opens the store and listens. Throws `StoreError` when the store cannot be used, or the system's error when the address is taken. */
export async function startControl(
  settings: ControlSettings,
  { logger, clock }: { logger: Logger; clock: Clock },
): Promise<RunningControl> {
  const store = SqliteStore.open(settings.store, () => clock.wallMs())
  const admins = new ClusterAdmins()
  const feed = await PlacementFeed.open(store)
  const service = new ControlService({ store, admins, logger, committed: () => feed.refresh() })
  const health = new Health()
  let draining = false
  health.register('store', () => {
    const problem = store.problem()
    const { storeId } = store
    return problem === undefined
      ? { detail: { storeId, version: feed.current.document.version } }
      : { problem }
  })
  health.register('process', () => (draining ? { problem: 'draining' } : {}))
  const registry = controlMetrics(store, feed)
  const app = buildApp({
    ...settings,
    store,
    admins,
    feed,
    service,
    registry,
    health,
    logger,
    isDraining: () => draining,
  })
  const resume = () => {
    service.resume().catch((error: unknown) => logger.error({ err: error }, 'ending old deletions failed'))
  }
  try {
    await app.listen({ host: settings.host, port: settings.port })
  } catch (error) {
    await store.close()
    throw error
  }
  resume()
  const timer = setInterval(resume, deletionIntervalMs)
  const { address, port, family } = app.server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  logger.info(
    { url, storeId: store.storeId, version: feed.current.document.version },
    'control plane listening',
  )
  return {
    url,
    async drain() {
      draining = true
      clearInterval(timer)
      feed.drain()
      await app.close()
      await service.settled()
      await admins.close()
      await store.close()
    },
    cut() {
      app.server.closeAllConnections()
    },
  }
}
