import { randomUUID } from 'node:crypto'
import { proxyIdPattern } from '../../core/proxy-report.ts'
import { type PacketAnswer, packetAnswer } from '../../http/packet-answer.ts'
import type { PacketRequest } from '../../http/packet-request.ts'
import { accessProblem } from './access.ts'
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

const [before, after] = reportRoute.split(':id') as [string, string]

/**
 * Takes a report as the route does. `undefined` when the route is to judge it: this replica does not lead or is draining, the caller
 * must not, there is something wrong with it, or there are too many proxies.
 */
export function answerPacketReports(
  options: PacketReportOptions,
): (request: PacketRequest) => PacketAnswer | undefined {
  const { register, keeper, clock, token, isDraining, note, keepAliveMs } = options
  const answer = reportAnswers(options)
  return (request) => {
    const proxyId = proxyIdIn(request.target)
    if (proxyId === undefined || keeper.term === undefined || isDraining()) return undefined
    const { headers, body } = request
    if (headers['content-type'] !== 'application/json' || accessProblem(headers, token) !== undefined)
      return undefined
    const startMs = clock.monotonicMs()
    const report = parsed(body)
    if (!isReport(report) || !register.hasRoomFor(proxyId)) return undefined
    register.take(proxyId, report, startMs)
    note(reportRoute, 200, (clock.monotonicMs() - startMs) / 1000)
    const contentType = 'application/json; charset=utf-8'
    return packetAnswer({ status: 200, contentType, requestId: randomUUID(), body: answer(), keepAliveMs })
  }
}

/** As it is; one with escapes is read by the router. */
function proxyIdIn(target: string): string | undefined {
  if (!target.startsWith(before) || !target.endsWith(after)) return undefined
  const id = target.slice(before.length, target.length - after.length)
  return proxyIdPattern.test(id) ? id : undefined
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    // The route says what is wrong with it.
    return undefined
  }
}
