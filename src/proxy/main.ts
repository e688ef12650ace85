import { settingsHelp } from '../config/help.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { createLogger } from '../telemetry/logger.ts'
import { listenForTermination } from '../telemetry/termination.ts'
import { descriptorLimit } from './descriptor-limit.ts'
import { ProxyProcess } from './proxy-process.ts'

/** Descriptors for Kafka, the disk and the control plane; the others are for clients. */
const ownDescriptors = 100
const mostConnections = 20_000

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
  const maxConnections = Math.max(10, Math.min(mostConnections, descriptorLimit() - ownDescriptors))
  const proxy = new ProxyProcess(config.values, logger, maxConnections)
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

function read(argv: readonly string[]) {
  try {
    return loadConfig('proxy', { argv })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`forebay proxy: ${error.message}\n`)
    process.exit(2)
  }
}
