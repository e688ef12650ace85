import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Problem } from '../../core/problems.ts'
import { packetAnswer } from '../../http/packet-answer.ts'
import { discardBody, discardWithin } from './discard.ts'
import { nextRequestId } from './request-id.ts'

/** One request and its answer, outside fastify's own reply: nothing of ours goes through a serialiser. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** The connection ends with this answer. */
  readonly closing: boolean
  /** `performance.now()` when its head was read. */
  readonly startedMs: number
}

export const problemType = 'application/problem+json'

/** An answer, on whatever connection it goes out. */
export interface AnswerText {
  readonly status: number
  readonly contentType: string
  readonly body: string
  readonly retryAfterSeconds?: number | undefined
}

/** JSON text that is made already. */
export function jsonAnswer(status: number, body: string): AnswerText {
  return { status, contentType: 'application/json', body }
}

/** RFC 9457. */
export function problemAnswer(problem: Problem): AnswerText {
  const { status, retryAfterSeconds } = problem
  return { status, contentType: problemType, body: JSON.stringify(problem.toBody()), retryAfterSeconds }
}

/** What is left of the body is read for a little while, then the connection is closed (semantics "Bodies"). */
export function sendAnswer(
  exchange: Exchange,
  { status, contentType, body: text, retryAfterSeconds }: AnswerText,
  more?: OutgoingHttpHeaders,
): void {
  const { request, response, requestId } = exchange
  if (response.headersSent || response.destroyed) return
  const rest = discardWithin(request)
  const closing = exchange.closing || rest === 'unbounded'
  const headers = ['Content-Type', contentType, 'Content-Length', String(Buffer.byteLength(text))]
  headers.push('Forebay-Request-Id', requestId)
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds))
  if (closing) headers.push('Connection', 'close')
  if (more !== undefined) for (const [name, value] of Object.entries(more)) headers.push(name, String(value))
  response.writeHead(status, headers)
  if (rest === 'nothing') response.end(text)
  else if (closing) {
    // The whole answer goes out now; ending the response would close the connection under a client that still sends.
    response.write(text)
    discardBody(request, () => response.end())
  } else {
    response.end(text)
    discardBody(request, (whole) => {
      if (!whole) request.destroy()
    })
  }
}

/** The bytes of an answer for a connection on which no request could be read. */
export function rawProblem(problem: Problem): string {
  return packetAnswer({ ...problemAnswer(problem), requestId: nextRequestId(), keepAliveMs: 0 }).text
}
