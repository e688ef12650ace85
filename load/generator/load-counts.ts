import type { ClientFate } from '../verify/sent-log.ts'
import type { Body } from './bodies.ts'
import type { HttpAnswer } from './http-answers.ts'
import type { Address, PostRequest } from './http-connection.ts'

/** Whom a load goes to and how its answers are understood. */
export interface LoadTarget {
  readonly address: Address
  /** The server says `"accepted":n`; otherwise any 2xx counts as all events of the body. */
  readonly saysAccepted: boolean
  /** Told the last word on every body. */
  readonly onFate?: (body: Body, fate: ClientFate) => void
}

/** What the answers of one load said. */
export class LoadCounts {
  /** Events whose acceptance was answered. */
  accepted = 0
  /** Requests answered 429 or 503. */
  refusedRequests = 0
  /** Requests without an answer: their connection ended or the time was over. */
  unansweredRequests = 0
  /** Requests answered otherwise, by status; 2xx that did not take every event too. */
  readonly otherAnswers: Record<number, number> = {}
  readonly #target: LoadTarget

  constructor(target: LoadTarget) {
    this.#target = target
  }

  answered({ body }: PostRequest, { status, accepted, partial }: HttpAnswer): ClientFate {
    const { saysAccepted } = this.#target
    if (status >= 200 && status < 300 && (!saysAccepted || accepted === body.events)) {
      this.accepted += body.events
      return 'acknowledged'
    }
    if (status === 429 || status === 503) this.refusedRequests += 1
    else this.otherAnswers[status] = (this.otherAnswers[status] ?? 0) + 1
    const surelyNot = status === 503 ? !partial : status >= 400 && status < 500
    // A 2xx that took a part does not say which events.
    return surelyNot ? 'refused' : 'unknown'
  }

  settle({ body }: PostRequest, fate: ClientFate): void {
    this.#target.onFate?.(body, fate)
  }

  /** `undefined` when all `requests` were accepted; otherwise a sentence. */
  complaint(requests: readonly PostRequest[]): string | undefined {
    const offered = offeredEvents(requests)
    if (this.accepted === offered) return undefined
    return (
      `accepted ${this.accepted} of ${offered} events: ${this.refusedRequests} requests refused, ` +
      `${this.unansweredRequests} unanswered, others ${JSON.stringify(this.otherAnswers)}`
    )
  }
}

export function offeredEvents(requests: readonly PostRequest[]): number {
  return requests.reduce((sum, { body }) => sum + body.events, 0)
}

/** Measures the CPU of this process ÷ time from here to the call of what it returns: near 1, the generator had no more to give. */
export function generatorCpu(): () => number {
  const before = process.cpuUsage()
  const startMs = performance.now()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000 / (performance.now() - startMs)
  }
}
