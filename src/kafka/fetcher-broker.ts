import type { Clock } from '../core/clock.ts'
import type { FetchCandidate, FetchPlan } from './fetch-plan.ts'
import {
  decodeFetchResponse,
  encodeFetchRequest,
  type FetchedPartition,
  fetchApiKey,
  fetchApiVersion,
} from './fetch-protocol.ts'
import type { FrameSocket } from './frame-socket.ts'

export interface BrokerFetcherOptions<Candidate> {
  readonly clock: Clock
  /** Connects to the broker as it is known now. */
  readonly open: () => Promise<FrameSocket>
  /** What to ask for next; `undefined` = nothing: `wake` will be called. */
  readonly plan: () => FetchPlan<Candidate> | undefined
  /** Must not throw. */
  readonly onAnswer: (asked: readonly Candidate[], partitions: readonly FetchedPartition[]) => void
  /** The broker holds a request for much longer than it was asked to: it may hang, and others may lead. */
  readonly onSlow: () => void
  /** `failures`: in a row, this one included. */
  readonly onFailure: (error: Error, failures: number) => void
}

/** Beyond what the broker may hold the request: then the connection is closed. */
const answerMarginMs = 10_000
const slowAfterMs = 2_000
const firstBackOffMs = 100
const longestBackOffMs = 5_000

/**
 * The one fetch long-poll of one broker, shared by all routes (semantics "Router"), on a connection of its own. A broker that fails is
 * left alone with growing pauses; nothing runs while there is nothing to ask for.
 */
export class BrokerFetcher<Candidate extends FetchCandidate> {
  readonly #options: BrokerFetcherOptions<Candidate>
  #socket: FrameSocket | undefined
  #busy = false
  #failures = 0
  #retry: NodeJS.Timeout | undefined
  #scheduled = false
  #closed = false

  constructor(options: BrokerFetcherOptions<Candidate>) {
    this.#options = options
  }

  /** Something may be ready. Cheap; once per turn of the event loop. */
  wake(): void {
    if (this.#busy || this.#closed || this.#scheduled || this.#retry !== undefined) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#turn()
    })
  }

  /** There is a reason to believe that it answers again. */
  hurry(): void {
    this.#failures = 0
    clearTimeout(this.#retry)
    this.#retry = undefined
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#socket?.close()
  }

  #turn(): void {
    if (this.#busy || this.#closed || this.#retry !== undefined) return
    const plan = this.#options.plan()
    if (plan === undefined) return
    if (this.#socket === undefined || this.#socket.closed) {
      this.#connect()
      return
    }
    this.#busy = true
    const { request, chosen } = plan
    const slow = setTimeout(this.#options.onSlow, request.maxWaitMs + slowAfterMs)
    this.#socket.request(
      fetchApiKey,
      fetchApiVersion,
      [encodeFetchRequest(request)],
      request.maxWaitMs + answerMarginMs,
      (error, response) => {
        clearTimeout(slow)
        this.#busy = false
        if (error !== undefined || response === undefined)
          this.#fail(error ?? new Error('the answer is missing'))
        else this.#take(chosen, response)
      },
    )
  }

  #connect(): void {
    this.#busy = true
    this.#options.open().then(
      (socket) => {
        this.#busy = false
        if (this.#closed) socket.close()
        this.#socket = socket
        this.#turn()
      },
      (error: unknown) => {
        this.#busy = false
        this.#fail(error as Error)
      },
    )
  }

  #take(asked: readonly Candidate[], response: Buffer): void {
    try {
      const answer = decodeFetchResponse(response)
      if (answer.code !== 0) throw new Error(`the broker answers a fetch with error ${answer.code}`)
      this.#failures = 0
      if (this.#closed) return
      this.#options.onAnswer(asked, answer.partitions)
    } catch (error) {
      this.#fail(error as Error)
      return
    }
    this.wake()
  }

  #fail(error: Error): void {
    if (this.#closed) return
    this.#socket?.close(error)
    this.#socket = undefined
    const backOffMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(this.#failures, 10))
    this.#failures += 1
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined
        this.#turn()
      },
      backOffMs * (0.5 + Math.random() / 2),
    )
    this.#options.onFailure(error, this.#failures)
  }
}
