import { randomUUID } from 'node:crypto'
import { bearsToken, isLoopback } from './access.ts'
import type { NoteAnswer } from './http-metrics.ts'
import { isReport, type ReportOptions, reportAnswers, reportRoute } from './reports.ts'
import type { ShortRequest } from './short-request.ts'

export interface ShortReportOptions extends ReportOptions {
  /** As for the whole API. */
  readonly token: string
  readonly isDraining: () => boolean
  readonly note: NoteAnswer
  /** How long the connection is kept while it says nothing. */
  readonly idleMs: number
}

/**
 * Takes a report as the route does, and gives the whole answer; `undefined` when the route is to judge it: this replica does not lead
 * or is draining, the caller must not, there is something wrong with it, or there are too many proxies.
 */
export function answerShortReports(
  options: ShortReportOptions,
): (request: ShortRequest) => string | undefined {
  const { register, keeper, clock, token, isDraining, note, idleMs } = options
  const answer = reportAnswers(options)
  const keepAlive = Math.floor(idleMs / 1000)
  return ({ proxyId, host, authorization, body }) => {
    const startMs = clock.monotonicMs()
    if (keeper.term === undefined || isDraining()) return undefined
    if (!(token === '' ? isLoopback(hostnameOf(host)) : bearsToken(authorization, token))) return undefined
    const report = parsed(body)
    if (!isReport(report) || !register.hasRoomFor(proxyId)) return undefined
    register.take(proxyId, report, startMs)
    const text = answer()
    note(reportRoute, 200, (clock.monotonicMs() - startMs) / 1000)
    return (
      `HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\nforebay-request-id: ${randomUUID()}\r\n` +
      `connection: keep-alive\r\nkeep-alive: timeout=${keepAlive}\r\ncontent-length: ${text.length}\r\n\r\n${text}`
    )
  }
}

function hostnameOf(host: string): string {
  return host.replace(/:\d{1,5}$/, '')
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    // The route says what is wrong with it.
    return undefined
  }
}
