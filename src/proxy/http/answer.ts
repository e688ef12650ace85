import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Problem } from '../../core/problems.ts'
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
export const jsonType = 'application/json'

/** Answers with JSON text that is made already. */
export function answerJson(exchange: Exchange, status: number, text: string): void {
  answer(exchange, status, jsonType, text, undefined)
}

/** RFC 9457. What is left of the body is read for a little while, then the connection is closed (semantics "Bodies"). */
export function answerProblem(exchange: Exchange, problem: Problem, headers: OutgoingHttpHeaders = {}): void {
  const { retryAfterSeconds } = problem
  const all =
    retryAfterSeconds === undefined ? headers : { ...headers, 'Retry-After': String(retryAfterSeconds) }
  answer(exchange, problem.status, problemType, JSON.stringify(problem.toBody()), all)
}

function answer(
  exchange: Exchange,
  status: number,
  type: string,
  text: string,
  more: OutgoingHttpHeaders | undefined,
): void {
  const { request, response, requestId } = exchange
  if (response.headersSent || response.destroyed) return
  const rest = discardWithin(request)
  const closing = exchange.closing || rest === 'unbounded'
  const headers = ['Content-Type', type, 'Content-Length', String(Buffer.byteLength(text))]
  headers.push('Forebay-Request-Id', requestId)
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
  const text = JSON.stringify(problem.toBody())
  const { status } = problem
  return [
    `HTTP/1.1 ${status} ${problem.toBody().title}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    `Forebay-Request-Id: ${nextRequestId()}`,
    'Connection: close',
    '',
    text,
  ].join('\r\n')
}
