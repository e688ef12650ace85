import type { ProtocolError } from '@platformatic/kafka'

/** What a failed group call means for the member (Kafka protocol guide, "Error Codes"). */
export type GroupVerdict =
  /** Others join or leave: join again with what is owned. */
  | 'rebalance'
  /** The coordinator knows this member no more: what it owned is another's. */
  | 'lost'
  /** The coordinator is elsewhere, not ready, or did not answer. */
  | 'coordinator'
  /** Wait, and ask the same again. */
  | 'again'
  /** The topic is not there any more, and what the group noted of it neither. */
  | 'gone'
  /** Not to be helped by a retry at once: rights, names, sizes. */
  | 'refused'

const verdicts: Readonly<Record<number, GroupVerdict>> = {
  3: 'gone', // UNKNOWN_TOPIC_OR_PARTITION
  14: 'coordinator', // COORDINATOR_LOAD_IN_PROGRESS
  15: 'coordinator', // COORDINATOR_NOT_AVAILABLE
  16: 'coordinator', // NOT_COORDINATOR
  22: 'lost', // ILLEGAL_GENERATION
  25: 'lost', // UNKNOWN_MEMBER_ID
  27: 'rebalance', // REBALANCE_IN_PROGRESS
  82: 'lost', // FENCED_INSTANCE_ID
  88: 'again', // UNSTABLE_OFFSET_COMMIT
  100: 'gone', // UNKNOWN_TOPIC_ID
  110: 'lost', // FENCED_MEMBER_EPOCH
}

export const memberIdRequired = 79

/** The first error code that a broker answered with; `undefined` when it did not answer. */
export function errorCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const inner = error instanceof AggregateError ? error.errors : [error]
  const found = inner.find((one): one is ProtocolError => typeof one?.apiCode === 'number')
  return found?.apiCode
}

export function judgeGroupError(error: unknown): GroupVerdict {
  const code = errorCodeOf(error)
  return code === undefined ? 'coordinator' : (verdicts[code] ?? 'refused')
}

/** The answer that an error of the library carries. */
export function responseOf<Response>(error: unknown): Response | undefined {
  return (error as { response?: Response }).response
}
