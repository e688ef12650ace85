import type { HttpAnswer } from './http-answers.ts'
import { HttpConnection, type PostRequest, RequestHeads } from './http-connection.ts'
import { generatorCpu, LoadCounts, type LoadTarget } from './load-counts.ts'

export interface ClosedLoopOptions {
  readonly target: LoadTarget
  readonly requests: readonly PostRequest[]
  readonly connections: number
  /** No request begins later than this; the rest is never sent. */
  readonly forMs?: number | undefined
}

export interface ClosedLoopResult {
  readonly counts: LoadCounts
  readonly seconds: number
  readonly generatorCpuShare: number
}

const refusedPauseMs = 20

/**
 * Posts requests over `connections` keep-alive connections, the next one as soon as the last is answered: what a server can take at
 * most. It hides stalls, so latencies come from the open loop. A refused body (429, and 503, so only `fast` topics are exact) is offered
 * again; a broken connection fails the measurement.
 */
export async function closedLoop(options: ClosedLoopOptions): Promise<ClosedLoopResult> {
  const run = new ClosedLoopRun(options)
  const cpuShare = generatorCpu()
  const startMs = performance.now()
  await run.finished()
  const seconds = (performance.now() - startMs) / 1000
  return { counts: run.counts, seconds, generatorCpuShare: cpuShare() }
}

class ClosedLoopRun {
  readonly counts: LoadCounts
  readonly #options: ClosedLoopOptions
  readonly #heads: RequestHeads
  readonly #done = Promise.withResolvers<void>()
  readonly #lastStartMs: number
  #next = 0
  #open = 0

  constructor(options: ClosedLoopOptions) {
    this.#options = options
    this.counts = new LoadCounts(options.target)
    this.#heads = new RequestHeads(options.target.address, true)
    this.#lastStartMs = performance.now() + (options.forMs ?? Number.POSITIVE_INFINITY)
  }

  /** Settles when there is nothing left to offer and everything offered is answered. */
  async finished(): Promise<void> {
    const { connections, requests, target } = this.#options
    this.#open = Math.min(connections, requests.length)
    if (this.#open === 0) return
    const all = Array.from(
      { length: this.#open },
      () =>
        new HttpConnection<PostRequest>(target.address, {
          onOpen: (connection) => this.#offer(connection),
          onAnswer: (connection, request, answer) => this.#answered(connection, request, answer),
          onEnd: (_, error) =>
            this.#done.reject(error ?? new Error('the server closes connections under load')),
        }),
    )
    try {
      await this.#done.promise
    } finally {
      for (const connection of all) connection.destroy()
    }
  }

  #offer(connection: HttpConnection<PostRequest>): void {
    const request = performance.now() > this.#lastStartMs ? undefined : this.#options.requests[this.#next]
    if (request === undefined) {
      this.#open -= 1
      if (this.#open === 0) this.#done.resolve()
      return
    }
    this.#next += 1
    this.#post(connection, request)
  }

  #answered(connection: HttpConnection<PostRequest>, request: PostRequest, answer: HttpAnswer): void {
    if (answer.closes) throw new Error('the server closes connections under load')
    const fate = this.counts.answered(request, answer)
    if (answer.status === 429 || answer.status === 503) {
      setTimeout(() => this.#post(connection, request), refusedPauseMs)
      return
    }
    this.counts.settle(request, fate)
    this.#offer(connection)
  }

  #post(connection: HttpConnection<PostRequest>, request: PostRequest): void {
    connection.post(request, this.#heads.of(request), request.body.bytes)
  }
}
