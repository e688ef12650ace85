import type { TopicPlacement } from '../core/placement.ts'
import { Problem } from '../core/problems.ts'
import type { StagedEvents } from '../core/record.ts'

/**
 * What the pipeline needs of the buffer. Room is counted in bytes and records and never waited for: `full` may fit later, `too-large` never will.
 * Events are copied during `offer`; the buffer writes into the ledger what becomes of them.
 */
export interface EventRoom {
  /** Room for body bytes, before they are read. */
  tryReserve(placement: TopicPlacement, bytes: number): 'ok' | 'full' | 'too-large'
  release(placement: TopicPlacement, bytes: number): void
  /** Fast: all or nothing. */
  offer(placement: TopicPlacement, events: StagedEvents): 'ok' | 'full' | 'too-large'
  /** Durable: all or nothing, and the acks can be awaited. */
  offerDurable(placement: TopicPlacement, events: StagedEvents): AckTally | 'full' | 'too-large'
  /** Unsent events of the request become rejected{ack-timeout}. */
  withdraw(placement: TopicPlacement, tally: AckTally): void
  retryAfterSeconds(): number
  readonly usedBytes: number
  readonly limitBytes: number
}

/** One bounded quantity of the buffer, as readiness and metrics see it. */
export interface BoundedAmount {
  readonly limit: number
  readonly used: number
  ofTopic(topic: string): number
  ofCluster(cluster: string): number
  /** Topics that hold something now. */
  topics(): Iterable<string>
}

/** The acks of one durable request, in events. */
export interface AckTally {
  readonly total: number
  readonly delivered: number
  /** Surely not written; contains `refused`. */
  readonly failed: number
  readonly unknown: number
  /** Refused by the broker. */
  readonly refused: number
  /** When none is `unknown` any more. */
  readonly settled: Promise<void>
}

/** The room that requests to one topic take while their bodies are read; each knows how much it took. */
export class BodyRoom {
  readonly #room: EventRoom
  readonly #placement: TopicPlacement

  constructor(room: EventRoom, placement: TopicPlacement) {
    this.#room = room
    this.#placement = placement
  }

  /** Takes more, or throws 429 (no room now) or 413 (never). */
  grow(bytes: number): void {
    const answer = this.#room.tryReserve(this.#placement, bytes)
    if (answer !== 'ok') throw noRoom(this.#room, answer)
  }

  /** Gives back a part of what was taken. */
  shrink(bytes: number): void {
    this.#room.release(this.#placement, bytes)
  }
}

/** 429 with the buffer's guess of when there is room again, or 413 when there never will be. */
export function noRoom(room: EventRoom, answer: 'full' | 'too-large'): Problem {
  if (answer === 'too-large') {
    return new Problem('too-large', 'The request is larger than the buffer of this proxy.')
  }
  const retryAfterSeconds = Math.max(1, Math.ceil(room.retryAfterSeconds()))
  return new Problem('buffer-full', 'There is no room for this request now; nothing of it was accepted.', {
    retryAfterSeconds,
  })
}
