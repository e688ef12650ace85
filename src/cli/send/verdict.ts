import { readProblem } from '../client.ts'
import type { CommandFailure } from '../failure.ts'

/** What an answer of the proxy means for the events of its request (interface.md "The proxy, for app SDKs"). */
export type Verdict =
  | {
      readonly kind: 'done'
      readonly accepted: number
      readonly rejected: number
      /** `rejected[]` of the answer. */
      readonly rejections: readonly unknown[]
      readonly failure?: CommandFailure
      /** The next request would fare the same. */
      readonly fatal: boolean
    }
  | {
      readonly kind: 'retry'
      /** Nothing was accepted for want of room (429). */
      readonly refused: boolean
      /** Events that may be there already: another attempt may duplicate them. */
      readonly maybeTaken: number
      readonly retryAfterMs?: number
      readonly failure: CommandFailure
    }

/** Judges one answer to `events` events. `failure` makes the sentence when one is needed. */
export function verdictOf(
  status: number,
  text: string,
  events: number,
  retryAfter: string | undefined,
  failure: () => CommandFailure,
): Verdict {
  if (status === 200 || status === 202) return taken(text, events, failure)
  if (status === 429 || status === 408 || status >= 500) {
    return {
      kind: 'retry',
      refused: status === 429,
      maybeTaken: status === 503 ? unsure(text) : status >= 500 ? events : 0,
      ...retryAfterOf(retryAfter),
      failure: failure(),
    }
  }
  // 413 for a batch says that the body is too large; for one event it is the event that was rejected.
  const rejected = status === 422 || (status === 413 && events === 1) ? events : 0
  return {
    kind: 'done',
    accepted: 0,
    rejected,
    rejections: rejectionsOf(readProblem(text)),
    failure: failure(),
    fatal: [401, 403, 404, 405, 415].includes(status),
  }
}

function taken(text: string, events: number, failure: () => CommandFailure): Verdict {
  const answer = parse(text)
  if (typeof answer?.accepted !== 'number') {
    return { kind: 'done', accepted: 0, rejected: 0, rejections: [], failure: failure(), fatal: true }
  }
  const rejections = rejectionsOf(answer)
  return {
    kind: 'done',
    accepted: answer.accepted,
    rejected: events - answer.accepted,
    rejections,
    fatal: false,
  }
}

function parse(text: string): { readonly accepted?: unknown; readonly rejected?: unknown } | undefined {
  try {
    return JSON.parse(text) as { accepted?: unknown; rejected?: unknown }
  } catch {
    // Not ours: the caller treats it as an answer of some other server.
    return undefined
  }
}

function rejectionsOf(answer: object | undefined): readonly unknown[] {
  const rejected: unknown = answer !== undefined && 'rejected' in answer ? answer.rejected : undefined
  return Array.isArray(rejected) ? rejected : []
}

/** Of a durable request whose acks did not all come: delivered and unknown ones are duplicated by another attempt. */
function unsure(text: string): number {
  const problem = readProblem(text)
  const count = (value: unknown) => (typeof value === 'number' ? value : 0)
  return count(problem?.delivered) + count(problem?.unknown)
}

function retryAfterOf(header: string | undefined): { retryAfterMs?: number } {
  const seconds = Number(header)
  return header === undefined || !Number.isFinite(seconds) || seconds < 0
    ? {}
    : { retryAfterMs: seconds * 1000 }
}
