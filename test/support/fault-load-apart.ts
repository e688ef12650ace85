import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { JudgedLoad } from './fault-bed.ts'
import { type FaultLoadOptions, type LoadedRequest, nextRun } from './fault-load.ts'

/**
 * A `FaultLoad` on a thread of its own. One that sends many megabytes a second keeps a loop busy for milliseconds at a time, which loads on
 * the same loop would take for latency of the proxy.
 */
export class LoadApart implements JudgedLoad {
  readonly topic: string
  readonly run = nextRun()
  readonly requests: LoadedRequest[] = []
  readonly #worker: Worker
  readonly #ended: Promise<unknown>

  constructor(options: FaultLoadOptions) {
    this.topic = options.topic
    this.#worker = new Worker(new URL('./fault-apart-worker.ts', import.meta.url), {
      workerData: { ...options, run: this.run },
    })
    this.#ended = once(this.#worker, 'exit')
    this.#worker.on('message', ({ request, origin }: { request: LoadedRequest; origin: number }) => {
      const { dueMs, sentMs, endMs } = request
      // Of this thread's clock.
      const shift = origin - performance.timeOrigin
      this.requests.push({
        ...request,
        dueMs: dueMs + shift,
        sentMs: sentMs + shift,
        endMs: endMs + shift,
      })
    })
  }

  /** As that of `FaultLoad`; rejects with what broke the thread. Once more does nothing. */
  async stop(): Promise<void> {
    this.#worker.postMessage('stop')
    await this.#ended
  }
}
