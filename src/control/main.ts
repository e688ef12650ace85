import { settingsHelp } from '../config/help.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { systemClock } from '../core/clock.ts'
import { createLogger, type Logger } from '../telemetry/logger.ts'
import { listenForTermination } from '../telemetry/termination.ts'
import { isLoopback } from './api/access.ts'
import { type RunningControl, startControl } from './control-process.ts'
import { StoreError } from './store/store-error.ts'

/** `forebay control`. Exits with 0 after a drain, 1 when it could not run or drain in time, 2 for wrong usage or configuration. */
export async function main(argv: readonly string[]): Promise<void> {
  const { values, help } = readConfig(argv)
  if (help) {
    process.stdout.write(settingsHelp('control'))
    return
  }
  const logger = createLogger('control', values.logLevel)
  const termination = listenForTermination()
  const control = await start(values, logger)
  const signal = await termination.requested
  logger.info({ signal }, 'draining')
  const outcome = await Promise.race([
    control.drain().then(() => 'drained' as const),
    termination.insisted.then(() => 'insisted' as const),
    new Promise<'late'>((resolve) => {
      setTimeout(() => resolve('late'), values.drainTimeoutMs).unref()
    }),
  ])
  if (outcome !== 'drained') control.cut()
  logger.info({ outcome }, 'stopped')
  process.exit(outcome === 'late' ? 1 : 0)
}

function readConfig(argv: readonly string[]) {
  try {
    const config = loadConfig('control', { argv })
    const { host, token } = config.values
    if (!config.help && token === '' && !isLoopback(host)) {
      throw new ConfigError(
        `--host ${host}: the control plane listens on loopback only, unless --token (or FOREBAY_TOKEN) says what callers must know`,
      )
    }
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}

async function start(values: Parameters<typeof startControl>[0], logger: Logger): Promise<RunningControl> {
  try {
    return await startControl(values, { logger, clock: systemClock })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const known =
      error instanceof StoreError || code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL'
    if (!known) throw error
    logger.fatal({ err: error }, message)
    process.stderr.write(
      `${code === undefined ? '' : `cannot listen on ${values.host}:${values.port}: `}${message}\n`,
    )
    process.exit(1)
  }
}
