import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { answerFailure, unreachable } from '../client.ts'
import type { CommandFailure } from '../failure.ts'
import type { RequestBody } from './batches.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** Numbers of events, except `requests`. Every sent event ends in exactly one of accepted, rejected and failed. */
export interface SendCounts {
  sent: number
  accepted: number
  rejected: number
  /** Answered 429 and sent again; counted each time. */
  refused: number
  failed: number
  /** Sent again although an earlier attempt may have been taken: possible duplicates. */
  maybeTwice: number
  requests: number
}

export interface SenderOptions {
  /** The endpoint, with query. */
  readonly url: string
  /** Origin, for messages. */
  readonly proxy: string
  readonly token: string | undefined
  /** A body that is not taken for this long is given up. */
  readonly giveUpMs: number
  readonly connections: number
  /** No new attempts after this. */
  readonly stop: AbortSignal
  /** Requests under way end too. */
  readonly abort: AbortSignal
}

/** Hands request bodies to the proxy until each one is taken, refused for good, or given up. `close` it. */
export class Sender {
  readonly counts: SendCounts = {
    sent: 0,
    accepted: 0,
    rejected: 0,
    refused: 0,
    failed: 0,
    maybeTwice: 0,
    requests: 0,
  }
  /** The first few events that the proxy rejected, as it said it. */
  readonly rejections: unknown[] = []
  /** Set when going on makes no sense, e.g. an unknown topic. */
  fatal: CommandFailure | undefined
  /** The last thing that went wrong and was tried again; for the progress line. */
  trouble: string | undefined
  readonly #options: SenderOptions
  readonly #agent: Agent

  constructor(options: SenderOptions) {
    this.#options = options
    this.#agent = new Agent({ connections: options.connections, connectTimeout: 3000 })
  }

  /** Resolves when the body's events are accounted for; never rejects. */
  async send(body: RequestBody): Promise<void> {
    const { counts } = this
    const giveUpAt = performance.now() + this.#options.giveUpMs
    counts.sent += body.events
    for (let attempt = 1; ; attempt += 1) {
      const verdict = await this.#attempt(body)
      if (verdict.kind === 'done') {
        this.#settle(body, verdict)
        return
      }
      counts.refused += verdict.refused ? body.events : 0
      this.trouble = verdict.failure.message
      const waitMs = verdict.retryAfterMs ?? Math.min(2000, 50 * 2 ** Math.min(attempt, 10))
      const late = performance.now() + waitMs > giveUpAt
      if (late) this.fatal ??= verdict.failure
      if (late || !(await this.#pause(waitMs))) {
        counts.failed += body.events
        return
      }
      counts.maybeTwice += verdict.maybeTaken
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #attempt(body: RequestBody): Promise<Verdict> {
    const { url, proxy, token, abort } = this.#options
    this.counts.requests += 1
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: {
          'content-type': body.contentType,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: body.bytes,
        dispatcher: this.#agent,
        signal: abort,
        headersTimeout: 30_000,
      })
      const text = await answer.body.text()
      const retryAfter = answer.headers['retry-after']
      return verdictOf(
        answer.statusCode,
        text,
        body.events,
        typeof retryAfter === 'string' ? retryAfter : undefined,
        () => answerFailure('proxy', proxy, answer.statusCode, text),
      )
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const neverSent = code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ENOTFOUND'
      const failure = unreachable('proxy', proxy, error)
      return { kind: 'retry', refused: false, maybeTaken: neverSent ? 0 : body.events, failure }
    }
  }

  #settle(body: RequestBody, verdict: Extract<Verdict, { kind: 'done' }>): void {
    this.counts.accepted += verdict.accepted
    this.counts.rejected += verdict.rejected
    this.counts.failed += body.events - verdict.accepted - verdict.rejected
    this.rejections.push(...verdict.rejections.slice(0, Math.max(0, 10 - this.rejections.length)))
    if (verdict.failure !== undefined) this.trouble = verdict.failure.message
    else this.trouble = undefined
    if (verdict.fatal) this.fatal ??= verdict.failure
  }

  /** False when it was stopped meanwhile. Jittered, so that several senders do not come back at once. */
  async #pause(ms: number): Promise<boolean> {
    if (this.#options.stop.aborted) return false
    try {
      await sleep(ms * (0.8 + Math.random() * 0.4), undefined, { signal: this.#options.stop })
      return true
    } catch {
      // Only the stop ends the wait early.
      return false
    }
  }
}
