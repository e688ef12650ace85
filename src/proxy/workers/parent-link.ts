import type { Figures } from '../../telemetry/figures.ts'
import type { Readiness } from '../../telemetry/health.ts'
import type { ReportWindow } from '../report/window.ts'
import type {
  AskedOfParent,
  AskedOfWorker,
  PlacementNews,
  StartOrder,
  ToParent,
  ToWorker,
} from './messages.ts'

/**
 * How long the parent may take to answer for the whole. It waits 500 ms for workers that hang, and for the control plane two rounds of
 * 2.5 s and a little for each further replica.
 */
const answerTimeoutMs = { metrics: 3000, readiness: 3000, placement: 10_000 } as const

/** What a worker answers when its parent asks. */
export interface WorkerVoice {
  figures(): Promise<Figures>
  readiness(): Readiness | Promise<Readiness>
  report(): ReportWindow
  /** News of the placement; `document` only when there is another one. */
  placement(news: Omit<PlacementNews, 'document'> & { readonly document?: PlacementNews['document'] }): void
  /** A message could not be answered. */
  failed(error: unknown): void
}

/** A worker's end of the IPC channel. Signals are the parent's business: a terminal or an init system sends them to every process. */
export class ParentLink {
  readonly started: Promise<StartOrder>
  /** Resolves with why this worker is to go: it was told to, or there is no parent any more. */
  readonly leave: Promise<'drain' | 'orphaned'>
  readonly hurried: Promise<void>
  readonly #questions = new Map<number, (value: unknown) => void>()
  readonly #waiting: ToWorker[] = []
  #voice: WorkerVoice | undefined
  #lastId = 0

  constructor() {
    const started = Promise.withResolvers<StartOrder>()
    const leave = Promise.withResolvers<'drain' | 'orphaned'>()
    const hurried = Promise.withResolvers<void>()
    this.started = started.promise
    this.leave = leave.promise
    this.hurried = hurried.promise
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined)
    process.once('disconnect', () => leave.resolve('orphaned'))
    process.on('message', (received) => {
      const message = received as ToWorker
      if (message.kind === 'start') started.resolve(message)
      else if (message.kind === 'drain') leave.resolve('drain')
      else if (message.kind === 'hurry') hurried.resolve()
      else if (message.kind === 'answer') this.#questions.get(message.id)?.(message.value)
      else if (this.#voice === undefined) this.#waiting.push(message)
      else this.#hear(message, this.#voice)
    })
  }

  /** From now on the parent's questions are answered; what came before is caught up on. */
  speakBy(voice: WorkerVoice): void {
    this.#voice = voice
    for (const message of this.#waiting.splice(0)) this.#hear(message, voice)
  }

  /** Resolves when the channel has taken it, or is closed. */
  async tell(message: ToParent): Promise<void> {
    if (!process.connected) return
    const sent = Promise.withResolvers<void>()
    process.send?.(message, undefined, undefined, () => sent.resolve())
    await sent.promise
  }

  /** What the parent says of the whole proxy; `undefined` when it does not answer in time. */
  async ask<Asked extends keyof AskedOfParent>(question: Asked): Promise<AskedOfParent[Asked] | undefined> {
    if (!process.connected) return undefined
    this.#lastId += 1
    const id = this.#lastId
    const answer = Promise.withResolvers<unknown>()
    this.#questions.set(id, answer.resolve)
    const timer = setTimeout(() => answer.resolve(undefined), answerTimeoutMs[question])
    try {
      await this.tell({ kind: 'question', question, id })
      return (await answer.promise) as AskedOfParent[Asked] | undefined
    } finally {
      clearTimeout(timer)
      this.#questions.delete(id)
    }
  }

  #hear(message: ToWorker, voice: WorkerVoice): void {
    if (message.kind === 'placement') voice.placement(message.placement)
    else if (message.kind === 'ask') {
      voice.placement(message.placement)
      this.#reply(message.question, voice).catch((error: unknown) => voice.failed(error))
    }
  }

  async #reply(question: keyof AskedOfWorker, voice: WorkerVoice): Promise<void> {
    const value =
      question === 'metrics'
        ? await voice.figures()
        : question === 'report'
          ? voice.report()
          : await voice.readiness()
    await this.tell({ kind: 'reply', question, value })
  }
}
