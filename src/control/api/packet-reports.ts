import { randomUUID } from 'node:crypto'
import { type PacketAnswer, packetAnswer } from '../../http/packet-answer.ts'
import type { PacketRequest } from '../../http/packet-request.ts'
import { bearsToken, isLoopback } from './access.ts'
import type { NoteAnswer } from './http-metrics.ts'
import { isReport, type ReportOptions, reportAnswers, reportRoute } from './reports.ts'

export interface PacketReportOptions extends ReportOptions {
  /** As for the whole API. */
  readonly token: string
  readonly isDraining: () => boolean
  readonly note: NoteAnswer
  /** How long a connection is kept. */
  readonly keepAliveMs: number
}

/** An id as it is; one with escapes is read by the router. */
const target = /^\/v1\/proxies\/([A-Za-z0-9._-]{1,200})\/report$/

/**
 * Takes a report as the route does. `undefined` when the route is to judge it: this replica does not lead or is draining, the caller
 * must not, it came from a page or a forwarding replica, there is something wrong with it, or there are too many proxies.
 */
export function answerPacketReports(
  options: PacketReportOptions,
): (request: PacketRequest) => PacketAnswer | undefined {
  const { register, keeper, clock, token, isDraining, note, keepAliveMs } = options
  const answer = reportAnswers(options)
  return (request) => {
    const { headers } = request
    const proxyId = target.exec(request.target)?.[1]
    if (proxyId === undefined || keeper.term === undefined || isDraining()) return undefined
    if (headers['content-type'] !== 'application/json' || headers.origin !== undefined) return undefined
    const { host = '', authorization } = headers
    if (!(token === '' ? isLoopback(hostnameOf(host)) : bearsToken(authorization, token))) return undefined
    const startMs = clock.monotonicMs()
    const report = parsed(request.body)
    if (!isReport(report) || !register.hasRoomFor(proxyId)) return undefined
    register.take(proxyId, report, startMs)
    note(reportRoute, 200, (clock.monotonicMs() - startMs) / 1000)
    const contentType = 'application/json; charset=utf-8'
    return packetAnswer({ status: 200, contentType, requestId: randomUUID(), body: answer(), keepAliveMs })
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
