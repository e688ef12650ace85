import { Histogram } from '../report/histogram.ts'
import { type ConnectionMode, ConnectionPool } from './connection-pool.ts'
import type { HttpAnswer } from './http-answers.ts'
import { type PostRequest, RequestHeads } from './http-connection.ts'
import { generatorCpu, LoadCounts, type LoadTarget } from './load-counts.ts'

export interface OpenLoopOptions {
  readonly target: LoadTarget
  readonly requests: readonly PostRequest[]
  /** Intended starts in milliseconds from the beginning, without end (`arrivals`). */
  readonly schedule: Iterator<number>
  /** At most this many at once: what comes while all are busy waits, and its latency counts from its intended start all the same. */
  readonly connections: number
  /** `new`: every request connects anew, and that belongs to its latency. Default `keep-alive`. */
  readonly mode?: ConnectionMode
  /** How long answers are awaited after the last intended start (default 30 s). */
  readonly patienceMs?: number
  /** Called when all connections are open, before the first intended start. */
  readonly onStart?: () => void
  /** Awaited after the last answer, while the connections are still open. */
  readonly onAnswered?: () => Promise<void>
  /** Called about every second with requests that have a fate. */
  readonly onProgress?: (settled: number) => void
}

/** Latencies in microseconds. */
export interface OpenLoopResult {
  readonly counts: LoadCounts
  /** Accepted requests, from the intended start to the answer. */
  readonly latency: Histogram
  /** The same requests from the write: what a closed loop would have seen. */
  readonly serviceTime: Histogram
  /** Requests that were refused or failed, from the intended start. */
  readonly refusalLatency: Histogram
  /** From the intended start to when the generator got to it: its own fault, and never the server's. */
  readonly lateness: Histogram
  /** Requests that never got a connection. */
  readonly neverSent: number
  /** From the first intended start until the last answer. */
  readonly seconds: number
  readonly generatorCpuShare: number
}

/** Posts each request once, at its time, whatever becomes of the others: nothing is retried, nothing waits for an answer. */
export async function openLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const run = new OpenLoopRun(options)
  await run.connected()
  options.onStart?.()
  const cpuShare = generatorCpu()
  const startMs = performance.now()
  await run.finished()
  const seconds = (performance.now() - startMs) / 1000
  const generatorCpuShare = cpuShare()
  await options.onAnswered?.()
  run.close()
  return { ...run.measured(), seconds, generatorCpuShare }
}

/** A request on its way. */
interface Shot {
  readonly request: PostRequest
  /** `performance.now()` */
  readonly intendedMs: number
  writtenMs: number
}

class OpenLoopRun {
  readonly #options: OpenLoopOptions
  readonly #counts: LoadCounts
  readonly #heads: RequestHeads
  readonly #pool: ConnectionPool<Shot>
  readonly #done = Promise.withResolvers<void>()
  readonly #histograms = {
    latency: new Histogram(),
    serviceTime: new Histogram(),
    refusalLatency: new Histogram(),
    lateness: new Histogram(),
  }
  /** Intended, and no connection was free. */
  #waiting: Shot[] = []
  /** Of `#waiting`, so many at its beginning are gone. */
  #gone = 0
  #next = 0
  #nextMs = 0
  #startMs = 0
  #settled = 0
  #neverSent = 0
  #toldMs = 0

  constructor(options: OpenLoopOptions) {
    this.#options = options
    const { target, mode = 'keep-alive', connections } = options
    this.#counts = new LoadCounts(target)
    this.#heads = new RequestHeads(target.address, mode === 'keep-alive')
    this.#pool = new ConnectionPool<Shot>(target.address, connections, mode, {
      onFree: () => this.#pump(),
      onAnswer: (shot, answer) => this.#answered(shot, answer),
      onLost: (shot, opened) => this.#lost(shot, opened),
    })
  }

  connected(): Promise<void> {
    return this.#pool.connected()
  }

  async finished(): Promise<void> {
    const { requests, patienceMs = 30_000 } = this.#options
    if (requests.length === 0) return
    this.#startMs = performance.now()
    this.#nextMs = this.#intended()
    this.#tick()
    await this.#done.promise
    const deadlineMs = performance.now() + patienceMs
    while (this.#settled < requests.length && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  measured() {
    return { counts: this.#counts, neverSent: this.#neverSent, ...this.#histograms }
  }

  #intended(): number {
    const { done, value } = this.#options.schedule.next()
    if (done === true) throw new Error('the schedule ended before the requests')
    return this.#startMs + value
  }

  /** Timers have steps of a millisecond, so every answer looks for what is due as well. */
  #tick(): void {
    this.#pump()
    if (this.#next < this.#options.requests.length) {
      setTimeout(() => this.#tick(), Math.max(0, this.#nextMs - performance.now()))
    } else this.#done.resolve()
  }

  #pump(): void {
    if (this.#startMs === 0) return
    const nowMs = performance.now()
    const { requests } = this.#options
    for (; this.#nextMs <= nowMs; this.#nextMs = this.#intended()) {
      const request = requests[this.#next]
      if (request === undefined) break
      this.#next += 1
      this.#histograms.lateness.add((nowMs - this.#nextMs) * 1000)
      this.#waiting.push({ request, intendedMs: this.#nextMs, writtenMs: nowMs })
    }
    this.#dispatch()
    if (nowMs - this.#toldMs > 1000) {
      this.#toldMs = nowMs
      this.#options.onProgress?.(this.#settled)
    }
  }

  #dispatch(): void {
    const waiting = this.#waiting
    for (let shot = waiting[this.#gone]; shot !== undefined; shot = waiting[this.#gone]) {
      const { request } = shot
      shot.writtenMs = performance.now()
      if (!this.#pool.post(shot, this.#heads.of(request), request.body.bytes)) break
      this.#gone += 1
    }
    if (this.#gone < 1000 && this.#gone < waiting.length) return
    this.#waiting = waiting.slice(this.#gone)
    this.#gone = 0
  }

  #answered({ request, intendedMs, writtenMs }: Shot, answer: HttpAnswer): void {
    const nowMs = performance.now()
    const fate = this.#counts.answered(request, answer)
    const { latency, serviceTime, refusalLatency } = this.#histograms
    if (fate === 'acknowledged') {
      latency.add((nowMs - intendedMs) * 1000)
      serviceTime.add((nowMs - writtenMs) * 1000)
    } else refusalLatency.add((nowMs - intendedMs) * 1000)
    this.#settled += 1
    this.#counts.settle(request, fate)
  }

  #lost({ request }: Shot, opened: boolean): void {
    this.#settled += 1
    this.#counts.unansweredRequests += 1
    this.#counts.settle(request, opened ? 'unknown' : 'refused')
  }

  /** The patience is over: what waits for an answer is unknown, what waits for a connection was never sent. */
  close(): void {
    this.#neverSent = this.#waiting.length - this.#gone
    this.#waiting = []
    this.#pool.destroy()
  }
}
