import type { LoadedRequest } from '../../test/support/fault-load.ts'
import { p99Ms } from '../../test/support/outage-timeline.ts'

/** What one server, or Forebay, made of one outage. Events unless the name says otherwise; seconds are after the fault. */
export interface OutageResult {
  readonly name: string
  /** 1, 2, 3, … */
  readonly run: number
  /** The failover was decided; absent where nobody decides. */
  readonly noticedSeconds?: number
  /** Every proxy writes to the standby. */
  readonly movedSeconds?: number
  /** The first request that was sent after the fault is answered with its acknowledgement by Kafka. */
  readonly recoveredSeconds?: number
  readonly accepted: number
  /** Told so, or answered with an error. */
  readonly refused: number
  /** Without any answer. */
  readonly unanswered: number
  /** Acknowledged to the client and not in any log afterwards; of durable topics (of the baselines: all). */
  readonly lost: number
  readonly lostFast?: number
  /** What Forebay itself says that Kafka lost after its acknowledgement. */
  readonly reportedLost?: number
  readonly duplicates: number
  readonly resent?: number
  /** Of all requests from the fault until 5 s after the brokers were back, as each was due. Milliseconds. */
  readonly p99Ms: number
  /** Durable ones among them, which wait for the acknowledgement as those of the baselines do. */
  readonly durableP99Ms?: number
}

/** The clients' side: from requests that were due from the fault on. */
export function clientSide(
  requests: readonly LoadedRequest[],
  acknowledged: readonly LoadedRequest[],
  faultMs: number,
): Pick<OutageResult, 'accepted' | 'refused' | 'unanswered' | 'p99Ms' | 'recoveredSeconds'> {
  const sum = (is: (request: LoadedRequest) => boolean) =>
    requests.filter(is).reduce((total, { events }) => total + events, 0)
  const ends = acknowledged
    .filter(({ fate, sentMs }) => fate === 'accepted' && sentMs > faultMs)
    .map(({ endMs }) => endMs)
  return {
    accepted: sum(({ fate }) => fate === 'accepted'),
    refused: sum(({ fate, status }) => fate !== 'accepted' && status > 0),
    unanswered: sum(({ status }) => status === 0),
    p99Ms: p99Ms(requests),
    ...(ends.length === 0
      ? {}
      : { recoveredSeconds: (ends.reduce((a, b) => Math.min(a, b)) - faultMs) / 1000 }),
  }
}
