import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { SharedRounds } from '../../core/shared-rounds.ts'
import { registerFollowing } from '../../placement/report.ts'
import type { PlacementWatcher } from '../../placement/watcher.ts'
import {
  type Figures,
  mergeFigures,
  printFigures,
  readFigures,
  retireFigures,
} from '../../telemetry/figures.ts'
import type { Check, Readiness } from '../../telemetry/health.ts'
import { type ReportCounts, registerReportMetrics } from '../report/reporter.ts'
import { closeAccounts } from './lost-events.ts'
import type { MetricsText, PlacementNews } from './messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** How long a worker may take to answer; past it its last known figures stand. */
const answerTimeoutMs = 500

/** What the parent knows, for the answers about the whole. */
export interface WholeProxySources {
  /** Those that run; without those that wait for their restart. */
  readonly workers: () => readonly WorkerProcess[]
  readonly placement: () => PlacementNews
}

/** Speaks for all workers: `/metrics` and `/readyz` of the whole proxy, whichever worker was asked. */
export class WholeProxy {
  readonly #sources: WholeProxySources
  readonly #registry = new Registry()
  readonly #metrics = new SharedRounds(() => this.#collectMetrics())
  readonly #readiness = new SharedRounds(() => this.#collectReadiness())
  /** Of workers that are gone. */
  #retired: Figures = []
  #deaths = 0

  constructor(sources: WholeProxySources) {
    this.#sources = sources
    this.#registerOwn()
  }

  /** From now on `/metrics` also tells how the control plane is followed and reported to. */
  follow(watcher: Pick<PlacementWatcher, 'ageMs' | 'counts'>, reports: ReportCounts): void {
    registerFollowing(this.#registry, watcher)
    registerReportMetrics(this.#registry, reports)
  }

  /** Bounded in time, also while workers hang. */
  metrics(): Promise<MetricsText> {
    return this.#metrics.ask()
  }

  /** Ready as long as one worker is: connections go to those that accept them. */
  readiness(): Promise<Readiness> {
    return this.#readiness.ask()
  }

  /** A worker has ended: its counts stay, and what it had in flight gets an outcome. */
  retire(worker: WorkerProcess, died: boolean): void {
    if (died) this.#deaths += 1
    this.#retired = retireFigures(this.#retired, closeAccounts(worker.figures))
    // Those who ask between the death and the removal from the list must not count it twice.
    worker.figures = []
  }

  async #collectMetrics(): Promise<MetricsText> {
    const own = await readFigures(this.#registry)
    await this.#askAll('metrics')
    // From here to the end in one turn: a worker is either in the list or retired.
    const living = this.#sources.workers().map(({ number, figures }) => ({ worker: String(number), figures }))
    const retired = { worker: '', figures: this.#retired }
    return printFigures(mergeFigures([...living, retired, { worker: 'parent', figures: own }]))
  }

  async #collectReadiness(): Promise<Readiness> {
    const workers = this.#sources.workers()
    const answers = await this.#askAll('readiness')
    const detail = Object.fromEntries(
      workers.map(({ number, pid, state }, index) => [
        number,
        { pid, ...(answers[index] ?? { [state === 'listening' ? 'silent' : state]: true }) },
      ]),
    )
    const { document, ageMs, counts } = this.#sources.placement()
    const confirmedAgeMs = Number.isFinite(ageMs) ? Math.round(ageMs) : undefined
    const placement = { version: document?.version, ageMs: confirmedAgeMs, ...counts }
    const checks: Record<string, Check> = { workers: { detail }, placement: { detail: placement } }
    return { ...verdict(answers.filter((answer) => answer !== undefined)), checks }
  }

  #askAll<Asked extends 'metrics' | 'readiness'>(question: Asked) {
    const { ageMs, counts } = this.#sources.placement()
    return Promise.all(
      this.#sources.workers().map((worker) => worker.ask(question, { ageMs, counts }, answerTimeoutMs)),
    )
  }

  #registerOwn(): void {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    const { workers } = this.#sources
    new Gauge({
      name: 'forebay_workers_listening',
      help: 'Workers of this proxy whose port is open.',
      registers,
      collect() {
        this.set(workers().filter(({ state }) => state === 'listening').length)
      },
    })
    const deaths = () => this.#deaths
    new Counter({
      name: 'forebay_worker_deaths_total',
      help: 'Workers that ended without being told to.',
      registers,
      collect() {
        this.reset()
        this.inc(deaths())
      },
    })
  }
}

/** Of the workers that answered. */
export function verdict(answers: readonly Readiness[]): Pick<Readiness, 'ready' | 'problems'> {
  if (answers.some(({ ready }) => ready)) return { ready: true, problems: [] }
  const problems = new Set(answers.flatMap((answer) => answer.problems))
  return { ready: false, problems: problems.size === 0 ? ['no-worker'] : [...problems] }
}
