import { settingsHelp } from '../config/help.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { formatBytes } from '../core/units.ts'
import { createLogger, type Logger } from '../telemetry/logger.ts'
import { listenForTermination } from '../telemetry/termination.ts'
import { descriptorLimit } from './descriptor-limit.ts'
import type { ProxyProcess, ProxySettings } from './proxy-process.ts'
import { isProxyId } from './report/proxy-id.ts'
import type { ProxyParent } from './workers/proxy-parent.ts'

/** Descriptors for Kafka, the disk and the control plane; the others are for clients. */
const ownDescriptors = 100
/** Of all workers together. */
const mostConnections = 20_000
/** Less buffer than that is no buffer. */
const leastBufferBytes = 2 ** 20

/**
 * `forebay proxy`. Runs until SIGTERM or SIGINT; exits with 0 when everything accepted was delivered, 1 when something was not or
 * the port could not be opened, 2 for wrong usage or configuration.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const config = read(argv)
  if (config.help) {
    process.stdout.write(settingsHelp('proxy'))
    return
  }
  const logger = createLogger('proxy', config.values.logLevel)
  const termination = listenForTermination()
  const proxy = await create(config.values, logger)
  try {
    await proxy.start()
  } catch (error) {
    const { host, port } = config.values
    logger.fatal({ err: error }, `cannot listen on ${host}:${port}: ${(error as Error).message}`)
    process.exit(1)
  }
  logger.info({ signal: await termination.requested }, 'draining')
  const undelivered = await proxy.drain(termination.insisted)
  logger.info(undelivered, `drained: unsent ${undelivered.unsent}, unanswered ${undelivered.unanswered}`)
  process.exit(undelivered.unsent + undelivered.unanswered === 0 ? 0 : 1)
}

async function create(settings: ProxySettings, logger: Logger): Promise<ProxyProcess | ProxyParent> {
  const { workers } = settings
  // Descriptors are counted for each process.
  const most = Math.min(Math.ceil(mostConnections / workers), descriptorLimit() - ownDescriptors)
  const maxConnections = Math.max(10, most)
  // A parent handles no event: without the data path it starts its workers sooner, and is smaller.
  if (workers > 1) {
    const { ProxyParent } = await import('./workers/proxy-parent.ts')
    return new ProxyParent(settings, logger, maxConnections)
  }
  const { ProxyProcess } = await import('./proxy-process.ts')
  return new ProxyProcess(settings, logger, maxConnections)
}

function read(argv: readonly string[]) {
  try {
    const config = loadConfig('proxy', { argv })
    const { workers, maxBufferBytes, id } = config.values
    if (id !== '' && !isProxyId(id))
      throw new ConfigError(`--id ${id}: letters, digits and . _ - only, and at most 200 of them`)
    if (workers * leastBufferBytes > maxBufferBytes) {
      const part = `--max-buffer ${formatBytes(maxBufferBytes)} is less than ${formatBytes(leastBufferBytes)} for each`
      throw new ConfigError(`--workers ${workers}: ${part}`)
    }
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`forebay proxy: ${error.message}\n`)
    process.exit(2)
  }
}
