import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Counter, type Registry } from 'prom-client'
import type { Clock } from '../../core/clock.ts'
import type { PlacementDocument } from '../../core/placement.ts'
import type { ProxyReport, ProxyReportAnswer } from '../../core/proxy-report.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ReportWindow } from './window.ts'

export interface ReporterOptions {
  readonly sender: {
    send(report: ProxyReport, timeoutMs: number): Promise<ProxyReportAnswer>
    close(): Promise<void>
  }
  /** What happened since it was last called. `undefined`: this proxy has nothing to say now, and lets its lease go. */
  readonly takeWindow: () => Promise<ReportWindow | undefined> | ReportWindow | undefined
  readonly placements: {
    readonly current: PlacementDocument | undefined
    refresh(version: number): Promise<void>
  }
  readonly clock: Clock
  readonly logger: Logger
}

/** Grow only; reports. */
export interface ReportCounts {
  taken: number
  /** Not answered as they should be; their windows are not sent again. */
  failed: number
}

const everyMs = 1000
/** Together with what gathering the window takes in a process with workers, less than a second. */
const sendTimeoutMs = 700
/** Until the control plane has said how long a lease is. */
const firstLeaseMs = 10_000

/**
 * Reports once a second. One report at a time: while the control plane is slow or away, windows grow longer or are lost, and nothing is
 * queued. Nobody waits for it.
 */
export class Reporter {
  readonly counts: ReportCounts = { taken: 0, failed: 0 }
  readonly #options: ReporterOptions
  readonly #instance = randomUUID()
  readonly #stopping = new AbortController()
  #sequence = 0
  #leaseMs = firstLeaseMs
  #isTrouble = false
  #loop: Promise<void> = Promise.resolve()

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  /** How long the control plane takes this proxy for live after a report. */
  get leaseMs(): number {
    return this.#leaseMs
  }

  /** The first report goes out now, so that the proxy is known before it does anything. */
  start(): void {
    this.#loop = this.#run()
  }

  /** Ends a report that is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#options.sender.close()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stopping
    const startedMs = clock.monotonicMs()
    while (!signal.aborted) {
      await this.#report()
      // Ticks that passed meanwhile are left out.
      const pauseMs = everyMs - ((clock.monotonicMs() - startedMs) % everyMs)
      await delay(pauseMs, undefined, { signal, ref: false }).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    }
  }

  /** Never throws. */
  async #report(): Promise<void> {
    const { sender, takeWindow } = this.#options
    try {
      const window = await takeWindow()
      if (window === undefined) return
      this.#sequence += 1
      const report = { instance: this.#instance, sequence: this.#sequence, ...window }
      this.#hear(await sender.send(report, sendTimeoutMs))
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      this.counts.failed += 1
      this.#options.logger[this.#isTrouble ? 'debug' : 'warn'](
        { err: error },
        'report-failed: the control plane does not hear of this proxy; events flow on',
      )
      this.#isTrouble = true
    }
  }

  #hear({ leaseMs, version }: ProxyReportAnswer): void {
    const { placements, logger } = this.#options
    this.counts.taken += 1
    this.#leaseMs = leaseMs
    if (this.#isTrouble) logger.info('reports are taken again')
    this.#isTrouble = false
    if (version <= (placements.current?.version ?? 0)) return
    // Its follower complains of what goes wrong; the next report asks again.
    placements.refresh(version).catch((error: unknown) => logger.debug({ err: error }, 'still behind'))
  }
}

/** `forebay_reports_total`, read at each scrape. */
export function registerReportMetrics(registry: Registry, counts: ReportCounts): void {
  new Counter({
    name: 'forebay_reports_total',
    help: 'Reports to the control plane, one a second: taken, or failed (not answered in time, or not as it should be).',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      this.reset()
      this.inc({ result: 'taken' }, counts.taken)
      this.inc({ result: 'failed' }, counts.failed)
    },
  })
}
