import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import { EventBounds } from '../core/event-bounds.ts'
import type { Ledger } from '../core/outcome.ts'
import type { TopicPlacement } from '../core/placement.ts'
import { Problem } from '../core/problems.ts'
import type { StagedEvents } from '../core/record.ts'
import { type AckTally, BodyRoom, type EventRoom, noRoom } from './event-room.ts'
import { readBody } from './intake/body.ts'
import { BodyDeadlines } from './intake/body-deadlines.ts'
import { readFraming } from './intake/framing.ts'
import { type MediaType, parseMediaType, requireTaken } from './intake/media-type.ts'
import { type EventParameters, readParameters } from './intake/parameters.ts'
import { forgetBody, splitBody } from './intake/split.ts'
import { tooLarge } from './intake/staging.ts'
import { type Judgement, listed, refusal } from './judgement.ts'
import type { TopicTable } from './topic-table.ts'
import { checkEvents, type Verdict } from './validate/check-events.ts'

export interface PipelineSettings {
  readonly maxBodyBytes: number
  readonly bodyTimeoutMs: number
  readonly maxDepth: number
  readonly durableTimeoutMs: number
}

/** A POST of events, before its body is read. */
export interface EventPost {
  readonly request: IncomingMessage
  readonly topic: string
  /** Without `?`. */
  readonly query: string
}

/** A POST of events whose body is here. */
export interface WholePost {
  readonly headers: IncomingHttpHeaders
  readonly topic: string
  /** Without `?`. */
  readonly query: string
  /** Neither chunked nor compressed. Copied where it is kept. */
  readonly body: Buffer
}

/** What the head says of the body, and the most that the body may have. */
interface JudgedHead {
  readonly type: MediaType
  readonly parameters: EventParameters
  readonly maxBytes: number
}

/**
 * The whole way of a request through the proxy: judge its head → resolve the placement → reserve room → read the body → split it
 * into events → check each → offer them to the buffer → answer. The only file that knows two neighbouring steps.
 */
export class Pipeline {
  readonly #topics: TopicTable
  readonly #room: EventRoom
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #settings: PipelineSettings
  readonly #deadlines: BodyDeadlines
  /** Shared by all requests: between splitting and offering nothing waits. */
  readonly #bounds = new EventBounds()
  #closed = false
  #underWay = 0

  constructor(parts: {
    readonly topics: TopicTable
    readonly room: EventRoom
    readonly ledger: Ledger
    readonly clock: Clock
    readonly settings: PipelineSettings
  }) {
    this.#topics = parts.topics
    this.#room = parts.room
    this.#ledger = parts.ledger
    this.#clock = parts.clock
    this.#settings = parts.settings
    this.#deadlines = new BodyDeadlines(parts.settings.bodyTimeoutMs)
  }

  /** From now on nothing enters the buffer: whoever is still sending a body gets 503 draining. */
  close(): void {
    this.#closed = true
  }

  /**
   * Resolves when the request is judged: its events are counted. Rejects with a `Problem` when it was refused before that (nothing
   * was received), or with `BodyAborted`.
   */
  take(post: EventPost): Promise<Judgement> {
    return this.#counted(this.#take(post))
  }

  async #take(post: EventPost): Promise<Judgement> {
    const placement = this.#resolve(post.topic)
    const offered = await this.#receive(post, placement)
    return offered.kind === 'awaiting' ? this.#awaitAcks(offered, placement) : offered
  }

  /**
   * The same for a body that is here already: judged at once, or, for a durable topic, when the acks are there. Throws or rejects with a
   * `Problem`. It needs the same room as one that is still to come, though it is given back at once: whether a request is refused shall
   * not depend on packets.
   */
  takeWhole({ headers, topic, query, body }: WholePost): Judgement | Promise<Judgement> {
    const placement = this.#resolve(topic)
    const { type, parameters, maxBytes } = this.#judgeHead(headers, query, placement)
    if (body.length > maxBytes) throw tooLarge(maxBytes)
    const room = new BodyRoom(this.#room, placement)
    room.grow(body.length)
    room.shrink(body.length)
    if (this.#closed) throw drainingNow()
    try {
      const offered = this.#judgeBody(body, type, parameters, placement)
      return offered.kind === 'awaiting' ? this.#counted(this.#awaitAcks(offered, placement)) : offered
    } finally {
      forgetBody()
    }
  }

  async #counted(judging: Promise<Judgement>): Promise<Judgement> {
    this.#underWay += 1
    try {
      return await judging
    } finally {
      this.#underWay -= 1
    }
  }

  /** Requests that are not judged yet. */
  get underWay(): number {
    return this.#underWay
  }

  async #awaitAcks({ tally, verdict }: Awaiting, placement: TopicPlacement): Promise<Judgement> {
    if (tally.unknown > 0) await firstOf(tally.settled, this.#settings.durableTimeoutMs)
    if (tally.unknown > 0) this.#room.withdraw(placement, tally)
    return this.#judgeAcks(tally, verdict)
  }

  #resolve(topic: string): TopicPlacement {
    if (!this.#topics.known) {
      throw new Problem('no-placement', 'This proxy has not heard of any topic yet.', {
        retryAfterSeconds: 1,
      })
    }
    const placement = this.#topics.find(topic)
    if (placement === undefined)
      throw new Problem('unknown-topic', `There is no topic ${topic.slice(0, 249)}.`)
    return placement
  }

  /** Ends with the body out of reach, so that a durable request that waits for acks holds none. */
  async #receive({ request, query }: EventPost, placement: TopicPlacement): Promise<Judgement | Awaiting> {
    const { headers } = request
    const framing = readFraming(headers)
    const { type, parameters, maxBytes } = this.#judgeHead(headers, query, placement)
    const limits = { maxBytes, deadlines: this.#deadlines }
    const staged = await readBody(request, framing, limits, new BodyRoom(this.#room, placement))
    try {
      const body = staged.take()
      if (this.#closed) throw drainingNow()
      // Given back before the offer: the events take their own room, and nothing can come between.
      staged.giveRoomBack()
      return this.#judgeBody(body, type, parameters, placement)
    } finally {
      forgetBody()
      staged.dispose()
    }
  }

  #judgeHead(headers: IncomingHttpHeaders, query: string, placement: TopicPlacement): JudgedHead {
    const type = parseMediaType(headers['content-type'])
    requireTaken(type, placement)
    const { maxBodyBytes } = this.#settings
    const maxBytes = type.format === 'opaque' ? Math.min(maxBodyBytes, placement.maxEventBytes) : maxBodyBytes
    return { type, parameters: readParameters(query, headers), maxBytes }
  }

  /** Never waits: the bounds are shared. */
  #judgeBody(
    body: Buffer,
    type: MediaType,
    parameters: EventParameters,
    placement: TopicPlacement,
  ): Judgement | Awaiting {
    const bounds = this.#bounds
    const { maxDepth } = this.#settings
    const arrivalMs = this.#clock.wallMs()
    splitBody(body, type.format, maxDepth, bounds)
    const found = bounds.count
    if (parameters.oneEventOnly !== undefined && found > 1) {
      throw new Problem(
        'invalid-parameter',
        `${parameters.oneEventOnly} is for one event, and there are ${found}.`,
      )
    }
    const { check, maxEventBytes } = placement
    const verdict = checkEvents(body, bounds, type.format === 'opaque', { check, maxEventBytes, maxDepth })
    if (verdict.bad > 0 && (verdict.good === 0 || parameters.strict))
      return this.#refuseEvents(verdict, placement)
    const events: StagedEvents = {
      body,
      bounds: bounds.pairs,
      count: verdict.good,
      key: parameters.key,
      headers:
        parameters.key === undefined ? parameters.headers : [...parameters.headers, this.#topics.epochHeader],
      arrivalMs,
    }
    return placement.delivery === 'fast'
      ? this.#offer(placement, events, verdict)
      : this.#offerDurable(placement, events, verdict)
  }

  #offer(placement: TopicPlacement, events: StagedEvents, verdict: Verdict): Judgement {
    const answer = events.count === 0 ? 'ok' : this.#room.offer(placement, events)
    if (answer !== 'ok') throw noRoom(this.#room, answer)
    this.#countRejected(placement, verdict)
    return { kind: 'taken', status: 202, accepted: events.count, verdict }
  }

  #offerDurable(placement: TopicPlacement, events: StagedEvents, verdict: Verdict): Judgement | Awaiting {
    if (events.count === 0) return { kind: 'taken', status: 200, accepted: 0, verdict }
    const tally = this.#room.offerDurable(placement, events)
    if (typeof tally === 'string') throw noRoom(this.#room, tally)
    this.#countRejected(placement, verdict)
    return { kind: 'awaiting', tally, verdict }
  }

  /** Every event is bad, or one is and `strict` was asked for: nothing enters the buffer, everything is counted. */
  #refuseEvents(verdict: Verdict, placement: TopicPlacement): Judgement {
    this.#countRejected(placement, verdict)
    const first = verdict.rejections[0]
    if (verdict.good + verdict.bad === 1) {
      const name = first?.reason === 'too-large' ? 'too-large' : 'all-rejected'
      return refusal(name, first?.detail ?? 'The event is bad.', verdict)
    }
    if (verdict.good === 0) return refusal('all-rejected', `All ${verdict.bad} events are bad.`, verdict)
    this.#ledger.rejectOnArrival(this.#ledger.topic(placement.topic), 'strict', verdict.good)
    return refusal(
      'strict-rejected',
      `${verdict.bad} of ${verdict.good + verdict.bad} events are bad.`,
      verdict,
    )
  }

  #countRejected(placement: TopicPlacement, verdict: Verdict): void {
    if (verdict.bad === 0) return
    const counts = this.#ledger.topic(placement.topic)
    for (const [reason, events] of verdict.reasons) this.#ledger.rejectOnArrival(counts, reason, events)
  }

  #judgeAcks(tally: AckTally, verdict: Verdict): Judgement {
    const { delivered, failed, unknown, refused, total } = tally
    if (delivered === total) return { kind: 'taken', status: 200, accepted: total, verdict }
    if (refused === total) {
      return refusal('all-rejected', `The brokers refused all ${total} events.`, verdict)
    }
    const detail = `${delivered} of ${total} events were acknowledged, ${refused} were refused by the brokers.`
    const problem = new Problem('ack-timeout', detail, {
      retryAfterSeconds: this.#room.retryAfterSeconds(),
      extensions: { delivered, failed, unknown, ...listed(verdict) },
    })
    return { kind: 'problem', problem }
  }
}

/** A durable request whose events are on their way to the brokers. */
interface Awaiting {
  readonly kind: 'awaiting'
  readonly tally: AckTally
  readonly verdict: Verdict
}

function drainingNow(): Problem {
  return new Problem('draining', 'The port closed while the body came.', { retryAfterSeconds: 1 })
}

/** Resolves when `settled` does or the time is over. */
async function firstOf(settled: Promise<void>, timeoutMs: number): Promise<void> {
  const over = new AbortController()
  try {
    await Promise.race([settled, delay(timeoutMs, undefined, { signal: over.signal }).catch(ignoreAbort)])
  } finally {
    over.abort()
  }
}

/** The timer of a race that was won is cancelled, and that is no fault. */
function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}
