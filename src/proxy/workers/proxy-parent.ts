import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../core/clock.ts'
import { PlacementWatcher } from '../../placement/watcher.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Undelivered } from '../produce/cluster-producers.ts'
import type { ProxySettings } from '../proxy-process.ts'
import { newProxyId } from '../report/proxy-id.ts'
import { Reporter } from '../report/reporter.ts'
import { ReportSender } from '../report/sender.ts'
import { acknowledge, type ReportWindow } from '../report/window.ts'
import { HeldPort } from './held-port.ts'
import { eventsInFlight } from './lost-events.ts'
import type { AskedOfParent, PlacementNews, StartOrder, ToWorker } from './messages.ts'
import { RestartDelay } from './restart-delay.ts'
import { WholeProxy } from './whole-proxy.ts'
import { WholeReport } from './whole-report.ts'
import { type WorkerEnd, WorkerProcess } from './worker-process.ts'

/** After a second signal: enough for workers that are alive. */
const hurryMs = 1500
/** Less than that is too little for the words of a drain that has nothing to do. */
const leastDrainMs = 1000
/** How long a report waits for a worker; what it says later is in the next one. */
const reportAnswerMs = 250

/**
 * The proxy of `--workers N`: starts N processes on one port, starts those anew that die, follows the placement for them, and answers
 * for them as one proxy. It handles no event itself. Exits nowhere itself.
 */
export class ProxyParent {
  readonly #settings: ProxySettings
  readonly #logger: Logger
  readonly #maxConnections: number
  readonly #watcher: PlacementWatcher
  readonly #whole: WholeProxy
  readonly #report = new WholeReport<WorkerProcess>(systemClock)
  #reporter: Reporter | undefined
  readonly #workers = new Map<number, WorkerProcess>()
  readonly #restarts = new AbortController()
  #port = 0

  /** `maxConnections` of each worker. */
  constructor(settings: ProxySettings, logger: Logger, maxConnections: number) {
    this.#settings = settings
    this.#logger = logger
    this.#maxConnections = maxConnections
    this.#watcher = new PlacementWatcher({
      ...settings,
      controlUrls: settings.control,
      snapshotFile: join(settings.dataDir, 'proxy-placement.json'),
      logger,
      clock: systemClock,
    })
    this.#whole = new WholeProxy({
      workers: () => [...this.#workers.values()],
      placement: () => this.#placement(),
    })
    this.#watcher.onChange((document) => {
      this.#tellAll({ kind: 'placement', placement: { ...this.#placement(), document } })
    })
  }

  /** Resolves when the first worker has opened the port. Rejects when the port cannot be opened or no worker can start. */
  async start(): Promise<void> {
    const { host, workers } = this.#settings
    const held = await HeldPort.take(host, this.#settings.port)
    this.#port = held.number
    await this.#watcher.start()
    const first: Promise<void>[] = []
    for (let number = 1; number <= workers; number += 1) first.push(this.#keep(number, new RestartDelay()))
    try {
      await Promise.any(first)
      held.release()
    } catch (error) {
      held.release()
      this.#restarts.abort()
      for (const worker of this.#workers.values()) worker.kill()
      await this.#watcher.stop()
      throw error instanceof AggregateError ? error.errors[0] : error
    }
    this.#logger.info({ host, port: this.#port, workers }, 'listening')
    this.#startReports()
  }

  get port(): number {
    return this.#port
  }

  /**
   * Semantics "Drain", in all workers at the same time. A worker that does not end in time is killed; of one that died without a last
   * word, what it had in flight when it last reported counts as unanswered. Resolves when no worker is left.
   */
  async drain(hurry: Promise<unknown>): Promise<Undelivered> {
    this.#restarts.abort()
    const workers = [...this.#workers.values()]
    for (const worker of workers) worker.tell({ kind: 'drain' })
    const ended = Promise.all(workers.map((worker) => this.#end(worker)))
    const late = new AbortController()
    const drained = this.#killAfter(Math.max(leastDrainMs, this.#settings.drainTimeoutMs), late.signal)
    const hurried = hurry.then(() => {
      this.#tellAll({ kind: 'hurry' })
      return this.#killAfter(hurryMs, late.signal)
    })
    for (const watch of [drained, hurried]) {
      watch.catch((error: unknown) => {
        if (!late.signal.aborted) this.#logger.error({ err: error }, 'drain-failed')
      })
    }
    const undelivered = await ended
    late.abort()
    await this.#reporter?.stop()
    await this.#watcher.stop()
    return {
      unsent: sum(undelivered.map(({ unsent }) => unsent)),
      unanswered: sum(undelivered.map(({ unanswered }) => unanswered)),
    }
  }

  async #killAfter(ms: number, over: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal: over })
    for (const worker of this.#workers.values()) {
      this.#logger.error({ worker: worker.number, pid: worker.pid }, 'worker-killed: it did not end in time')
      worker.kill()
    }
  }

  async #end(worker: WorkerProcess): Promise<Undelivered> {
    const { code, signal } = await worker.ended
    if (worker.undelivered !== undefined) return worker.undelivered
    const unanswered = worker.lost
    const fields = { worker: worker.number, pid: worker.pid, code, signal, unanswered }
    this.#logger.error(fields, 'worker-died: before it could say what it had not delivered')
    return { unsent: 0, unanswered }
  }

  /** Starts worker after worker under one number until the drain. The promise is that of the first one's port. */
  #keep(number: number, pauses: RestartDelay): Promise<void> {
    const order = this.#order(number)
    const worker: WorkerProcess = new WorkerProcess({
      order,
      answer: (question) => this.#answer(question),
      reported: (window) => this.#report.take(worker, window),
    })
    const { document } = order.placement
    this.#report.begin(worker, document === undefined ? undefined : acknowledge(document, document.version))
    this.#workers.set(number, worker)
    this.#replace(worker, pauses).catch((error: unknown) => {
      if (!this.#restarts.signal.aborted) this.#logger.error({ err: error, worker: number }, 'restart-failed')
    })
    return worker.listening
  }

  async #replace(worker: WorkerProcess, pauses: RestartDelay): Promise<void> {
    const end = await worker.ended
    const { signal } = this.#restarts
    worker.lost = sum(eventsInFlight(worker.figures).values())
    this.#whole.retire(worker, !signal.aborted)
    this.#report.end(worker)
    this.#workers.delete(worker.number)
    if (signal.aborted) return
    const pauseMs = pauses.after(end.livedMs)
    await this.#sayDeath(worker, end, pauseMs)
    await delay(pauseMs, undefined, { signal })
    this.#keep(worker.number, pauses).catch(() => undefined)
  }

  async #sayDeath(worker: WorkerProcess, end: WorkerEnd, pauseMs: number): Promise<void> {
    const reason = await worker.listening.then(
      () => undefined,
      (error: Error) => error.message,
    )
    const { code, signal } = end
    const { lost } = worker
    this.#logger.error(
      { worker: worker.number, pid: worker.pid, code, signal, reason, lost, restartInMs: pauseMs },
      `worker-died: worker ${worker.number} ended (code ${code}, signal ${signal}) with ${lost} events in flight when it last reported; it is started again`,
    )
  }

  #order(number: number): StartOrder {
    const { workers, maxBufferBytes, maxBufferRecords } = this.#settings
    const settings = {
      ...this.#settings,
      port: this.#port,
      maxBufferBytes: Math.floor(maxBufferBytes / workers),
      maxBufferRecords: Math.ceil(maxBufferRecords / workers),
    }
    const placement = this.#placement()
    return { kind: 'start', number, settings, maxConnections: this.#maxConnections, placement }
  }

  #answer(question: keyof AskedOfParent): Promise<AskedOfParent[keyof AskedOfParent]> {
    if (question === 'metrics') return this.#whole.metrics()
    if (question === 'readiness') return this.#whole.readiness()
    return this.#refresh()
  }

  /** Workers hear of a new document before the answer, because the listener tells them in the same turn. */
  async #refresh(): Promise<AskedOfParent['placement']> {
    try {
      await this.#watcher.refresh()
    } catch (error) {
      return { failed: (error as Error).message }
    }
    const { ageMs, counts } = this.#placement()
    return { ageMs, counts }
  }

  #startReports(): void {
    const { control: controlUrls, token, id } = this.#settings
    const reporter = new Reporter({
      sender: new ReportSender({ controlUrls, token, id: id || newProxyId(this.#port) }),
      takeWindow: () => this.#takeWindow(reporter.leaseMs),
      placements: this.#watcher,
      clock: systemClock,
      logger: this.#logger,
    })
    this.#reporter = reporter
    this.#whole.follow(this.#watcher, reporter.counts)
    reporter.start()
  }

  async #takeWindow(leaseMs: number): Promise<ReportWindow | undefined> {
    const { ageMs, counts } = this.#placement()
    const workers = [...this.#workers.values()]
    await Promise.all(workers.map((worker) => worker.ask('report', { ageMs, counts }, reportAnswerMs)))
    return this.#report.window(leaseMs)
  }

  #placement(): PlacementNews {
    const { current, ageMs, counts } = this.#watcher
    return { document: current, ageMs, counts: { ...counts } }
  }

  #tellAll(message: ToWorker): void {
    for (const worker of this.#workers.values()) worker.tell(message)
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
