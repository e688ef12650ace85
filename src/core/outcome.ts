/** The accounting of one proxy: every received event has exactly one outcome, or is still in flight (semantics.md "Accounting"). */

/** Told to the client. Per event, so one request can have several. */
export type RejectReason =
  | 'invalid-json'
  | 'invalid-utf8'
  | 'too-deep'
  | 'too-large'
  | 'strict'
  | 'ack-timeout'
  | 'broker-refused'
  | 'draining'

/** Given up after it was accepted. */
export type DropReason = 'expired' | 'broker-refused' | 'shutdown' | 'ambiguous'

export interface TopicCounts {
  received: number
  delivered: number
  inFlight: number
  resent: number
  /** To another cluster before they were acknowledged; a batch that moves twice counts twice. */
  moved: number
  readonly rejected: Map<RejectReason, number>
  readonly dropped: Map<DropReason, number>
}

/**
 * Counts of all topics. Every method takes a number of events, is called once per request or per batch, and keeps the equation true
 * at every return: received = rejected + dropped + delivered + in flight.
 */
export class Ledger {
  readonly topics = new Map<string, TopicCounts>()

  /** The counts of a placed topic; made on first use. Never call it with a name that is not placed: labels must stay bounded. */
  topic(name: string): TopicCounts {
    let counts = this.topics.get(name)
    if (counts === undefined) {
      counts = {
        received: 0,
        delivered: 0,
        inFlight: 0,
        resent: 0,
        moved: 0,
        rejected: new Map(),
        dropped: new Map(),
      }
      this.topics.set(name, counts)
    }
    return counts
  }

  /** Events that enter the buffer: received, and in flight from now on. */
  accept(counts: TopicCounts, events: number): void {
    counts.received += events
    counts.inFlight += events
  }

  /** Events refused while their request was judged: received and rejected at once. */
  rejectOnArrival(counts: TopicCounts, reason: RejectReason, events: number): void {
    counts.received += events
    bump(counts.rejected, reason, events)
  }

  /** Accepted events of a durable request that were withdrawn unsent, or refused by the broker; the client is told. */
  reject(counts: TopicCounts, reason: RejectReason, events: number): void {
    counts.inFlight -= events
    bump(counts.rejected, reason, events)
  }

  deliver(counts: TopicCounts, events: number): void {
    counts.inFlight -= events
    counts.delivered += events
  }

  drop(counts: TopicCounts, reason: DropReason, events: number): void {
    counts.inFlight -= events
    bump(counts.dropped, reason, events)
  }

  /** Sent again after an ambiguous outcome: stays in flight, may be a duplicate. */
  resend(counts: TopicCounts, events: number): void {
    counts.resent += events
  }

  /** On the way to another cluster than before: stays in flight. */
  move(counts: TopicCounts, events: number): void {
    counts.moved += events
  }
}

/** received − (rejected + dropped + delivered + in flight): 0, always. A test and `/readyz?verbose` look at it. */
export function imbalance(counts: TopicCounts): number {
  return counts.received - (sum(counts.rejected) + sum(counts.dropped) + counts.delivered + counts.inFlight)
}

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0
  for (const count of counts.values()) total += count
  return total
}

function bump<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  if (by > 0) counts.set(key, (counts.get(key) ?? 0) + by)
}
