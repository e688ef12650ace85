import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { settingsHelp } from '../src/config/help.ts'
import { ConfigError, loadConfig } from '../src/config/load.ts'
import { systemClock } from '../src/core/clock.ts'
import { placementCheck, registerPlacementMetrics } from '../src/placement/report.ts'
import { PlacementWatcher } from '../src/placement/watcher.ts'
import { Health } from '../src/telemetry/health.ts'
import { createLogger } from '../src/telemetry/logger.ts'
import { listenForTermination } from '../src/telemetry/termination.ts'
import { openPort } from './port.ts'
import { Router } from './router.ts'
import { RouterMetrics } from './router-metrics.ts'

/** `forebay router`: carries topics to their sinks until SIGTERM. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const config = loadConfig('router', { argv })
    if (config.help) {
      console.log(settingsHelp('router'))
      return
    }
    await run(config.values)
    process.exit(0)
  } catch (error) {
    console.error(error instanceof ConfigError ? `forebay router: ${error.message}` : error)
    process.exit(error instanceof ConfigError ? 2 : 1)
  }
}

type RouterConfig = ReturnType<typeof loadConfig<'router'>>['values']

async function run(config: RouterConfig): Promise<void> {
  const termination = listenForTermination()
  const logger = createLogger('router', config.logLevel)
  const registry = new Registry()
  const health = new Health()
  const watcher = new PlacementWatcher({
    controlUrls: config.control,
    snapshotFile: join(config.dataDir, 'router-placement.json'),
    token: config.token,
    logger,
    clock: systemClock,
  })
  let draining = false
  const metrics: RouterMetrics = new RouterMetrics(registry, () => router.gauges())
  const router: Router = new Router({
    ...config,
    clock: systemClock,
    logger,
    eventsOf: (route, cluster) => metrics.events(route, cluster),
  })
  collectDefaultMetrics({ register: registry })
  registerPlacementMetrics(registry, watcher)
  health.register('drain', () => (draining ? { problem: 'draining' } : {}))
  health.register('placement', () => placementCheck(watcher))
  health.register('routes', () => ({ detail: router.owned() }))
  health.register('jobs', () => ({ detail: router.states() }))
  const port = await openPort(config, { registry, health })
  watcher.onChange((document) => router.apply(document))
  await watcher.start()
  logger.info({ url: port.url }, 'the router is up')

  const signal = await termination.requested
  draining = true
  logger.info({ signal }, 'draining: delivers what is in hand, commits, and leaves the groups')
  await watcher.stop()
  const result = await Promise.race([
    router.drain().then(() => 'drained'),
    delay(config.drainTimeoutMs, 'gave up at the deadline', { ref: false }),
    termination.insisted.then(() => 'told to stop now'),
  ])
  await port.close()
  logger.info({ result }, 'the router is down')
}
