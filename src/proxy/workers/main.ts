import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../core/clock.ts'
import { createLogger } from '../../telemetry/logger.ts'
import { ProxyProcess } from '../proxy-process.ts'
import { ParentLink } from './parent-link.ts'
import { ToldPlacement } from './told-placement.ts'

/** At most this much of a worker's time goes into reports: with a thousand topics one takes about 10 ms. */
const mostReporting = 1 / 200
const reportEveryMs = 1000

/** One worker of `forebay proxy --workers N`; started by its parent only. */
const link = new ParentLink()
const { number, settings, maxConnections, placement } = await link.started
const logger = createLogger('proxy', settings.logLevel).child({ worker: number })
const placements = new ToldPlacement(systemClock, placement, () => link.ask('placement'))
const worker = new ProxyProcess(settings, logger, maxConnections, { placements, whole: link })
link.speakBy({
  figures: () => worker.figures(),
  readiness: () => worker.readiness(),
  report: () => worker.window(),
  placement: ({ document, ...news }) =>
    document === undefined ? placements.confirm(news) : placements.tell({ document, ...news }),
  failed: (error) => logger.error({ err: error }, 'the parent could not be answered'),
})
try {
  await worker.start()
} catch (error) {
  await link.tell({ kind: 'failed', message: (error as Error).message })
  process.exit(1)
}
await link.tell({ kind: 'listening' })
report().catch((error: unknown) => logger.error({ err: error }, 'report-failed'))

if ((await link.leave) === 'orphaned') logger.error('orphaned: the parent process is gone; draining')
const undelivered = await worker.drain(link.hurried)
await link.tell({ kind: 'figures', figures: await worker.figures() })
await link.tell({ kind: 'drained', undelivered })
if (!process.connected) {
  const { unsent, unanswered } = undelivered
  logger.info(undelivered, `drained: unsent ${unsent}, unanswered ${unanswered}`)
}
process.exit(undelivered.unsent + undelivered.unanswered === 0 ? 0 : 1)

async function report(): Promise<void> {
  for (let pauseMs = reportEveryMs; ; ) {
    await delay(pauseMs, undefined, { ref: false })
    const startedMs = performance.now()
    await link.tell({ kind: 'figures', figures: await worker.figures() })
    pauseMs = Math.max(reportEveryMs, (performance.now() - startedMs) / mostReporting)
  }
}
