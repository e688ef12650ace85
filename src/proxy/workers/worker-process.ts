import { type ChildProcess, fork } from 'node:child_process'
import { extname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Figures } from '../../telemetry/figures.ts'
import type { Undelivered } from '../produce/cluster-producers.ts'
import type { ReportWindow } from '../report/window.ts'
import type {
  AskedOfParent,
  AskedOfWorker,
  PlacementNews,
  StartOrder,
  ToParent,
  ToWorker,
} from './messages.ts'

/** `starting` until its port is open; `ended` when the process is gone. */
export type WorkerState = 'starting' | 'listening' | 'ended'

export interface WorkerEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly livedMs: number
}

export interface WorkerProcessOptions {
  readonly order: StartOrder
  /** Answers for the whole proxy. */
  readonly answer: (question: keyof AskedOfParent) => Promise<unknown>
  /** Told of each window, also of one that came late: nobody else has those counts. */
  readonly reported: (window: ReportWindow) => void
}

const program = join(import.meta.dirname, `main${extname(import.meta.filename)}`)

/** The parent's end of one worker, from its start to its death. It is not started again: the next one is another object. */
export class WorkerProcess {
  readonly number: number
  /** Rejects with the worker's own words when it cannot open the port, and when it ends before it has. */
  readonly listening: Promise<void>
  readonly ended: Promise<WorkerEnd>
  /** The latest that it said of itself, by its own report or when asked. */
  figures: Figures = []
  /** What its drain left, once it is over. */
  undelivered: Undelivered | undefined
  /** Events that it had in flight when it last reported, once it is dead. */
  lost = 0
  readonly #child: ChildProcess
  readonly #options: WorkerProcessOptions
  readonly #startedMs = performance.now()
  readonly #asked = new Map<keyof AskedOfWorker, (value: unknown) => void>()
  #state: WorkerState = 'starting'

  constructor(options: WorkerProcessOptions) {
    this.#options = options
    this.number = options.order.number
    this.#child = fork(program, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const listening = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<WorkerEnd>()
    this.listening = listening.promise
    // Told to whoever waits for it; a worker that is started again is waited for by nobody.
    this.listening.catch(() => undefined)
    this.ended = ended.promise
    this.#child.on('message', (message) => this.#take(message as ToParent, listening))
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      this.#state = 'ended'
      for (const tell of this.#asked.values()) tell(undefined)
      listening.reject(new Error(`it ended before it listened (code ${code}, signal ${signal})`))
      ended.resolve({ code, signal, livedMs: performance.now() - this.#startedMs })
    }
    // Not 'exit': its last messages may still be on their way then.
    this.#child.once('close', end)
    this.#child.once('error', (error) => {
      listening.reject(error)
      if (this.#child.pid === undefined) end(null, null)
    })
    this.tell(options.order)
  }

  get state(): WorkerState {
    return this.#state
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Lost when the worker is dead or dying: its end says so. */
  tell(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  /**
   * `undefined` when it does not answer within `timeoutMs`, and at once while an earlier question of the kind is still open: nothing
   * piles up before a worker that hangs.
   */
  async ask<Asked extends keyof AskedOfWorker>(
    question: Asked,
    placement: Omit<PlacementNews, 'document'>,
    timeoutMs: number,
  ): Promise<AskedOfWorker[Asked] | undefined> {
    if (this.#state !== 'listening' || this.#asked.has(question)) return undefined
    const answer = Promise.withResolvers<unknown>()
    this.#asked.set(question, answer.resolve)
    this.tell({ kind: 'ask', question, placement })
    const timer = setTimeout(() => answer.resolve(undefined), timeoutMs)
    const value = await answer.promise
    clearTimeout(timer)
    return value as AskedOfWorker[Asked] | undefined
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #take(message: ToParent, listening: PromiseWithResolvers<void>): void {
    if (message.kind === 'listening') {
      this.#state = 'listening'
      listening.resolve()
    } else if (message.kind === 'failed') listening.reject(new Error(message.message))
    else if (message.kind === 'figures') this.figures = message.figures
    else if (message.kind === 'drained') this.undelivered = message.undelivered
    else if (message.kind === 'reply') this.#reply(message.question, message.value)
    else this.#answer(message.question, message.id)
  }

  #reply(question: keyof AskedOfWorker, value: unknown): void {
    // A late answer counts as well: it is newer than what was known.
    if (question === 'metrics') this.figures = value as Figures
    else if (question === 'report') this.#options.reported(value as ReportWindow)
    this.#asked.get(question)?.(value)
    this.#asked.delete(question)
  }

  #answer(question: keyof AskedOfParent, id: number): void {
    this.#options.answer(question).then(
      (value) => this.tell({ kind: 'answer', id, value }),
      // The worker gives up by its own clock and says that the parent did not answer.
      () => undefined,
    )
  }
}
