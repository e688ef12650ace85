import { freeAllMemory } from '../../core/free-memory.ts'
import { Problem } from '../../core/problems.ts'
import { type PacketAnswer, packetAnswer } from '../../http/packet-answer.ts'
import type { PacketRequest } from '../../http/packet-request.ts'
import type { Judgement } from '../judgement.ts'
import type { Pipeline } from '../pipeline.ts'
import { jsonType, problemType } from './answer.ts'
import { acceptedText, nativeFamily, splitTarget } from './events-endpoint.ts'
import type { Gate } from './gate.ts'
import { nextRequestId } from './request-id.ts'
import type { Traffic } from './traffic.ts'

export interface PacketPostParts {
  readonly pipeline: Pipeline
  readonly gate: Gate
  readonly traffic: Traffic
  /** How long a connection is kept. */
  readonly keepAliveMs: number
  /** What to answer for a fault of ours; it is in the log then. */
  readonly internal: (error: unknown, requestId: string) => Problem
}

/**
 * Posts of events that came in one packet, as `takeEvents` takes the others. `undefined`: it is for the server, because it is for
 * another path, or because this proxy is going down, where each answer ends its connection.
 */
export function answerPacketPosts(
  parts: PacketPostParts,
): (request: PacketRequest) => PacketAnswer | Promise<PacketAnswer> | undefined {
  const { pipeline, gate } = parts
  return ({ target, headers, body }) => {
    const found = gate.state === 'open' ? splitTarget(target) : undefined
    if (found === undefined) return undefined
    const startedMs = performance.now()
    const { topic, query } = found
    const bytes = body.length
    try {
      const judged = pipeline.takeWhole({ topic, query, headers, body })
      if (!(judged instanceof Promise)) return answerOf(judged, startedMs, parts)
      return judged.then(
        (judgement) => answerOf(judgement, startedMs, parts),
        (error: unknown) => refusal(error, { startedMs, bytes }, parts),
      )
    } catch (error) {
      return refusal(error, { startedMs, bytes }, parts)
    } finally {
      // What was offered is copied.
      freeAllMemory(body)
    }
  }
}

function answerOf(judgement: Judgement, startedMs: number, parts: PacketPostParts): PacketAnswer {
  const requestId = nextRequestId()
  if (judgement.kind === 'problem') return answerProblem(judgement.problem, requestId, startedMs, parts)
  const { status } = judgement
  parts.traffic.observe(nativeFamily, status, (performance.now() - startedMs) / 1000)
  const keepAliveMs = kept(parts)
  return packetAnswer({
    status,
    contentType: jsonType,
    requestId,
    body: acceptedText(judgement),
    keepAliveMs,
  })
}

/** Refused before its events were found. */
function refusal(
  error: unknown,
  { startedMs, bytes }: { readonly startedMs: number; readonly bytes: number },
  parts: PacketPostParts,
): PacketAnswer {
  const requestId = nextRequestId()
  const problem = error instanceof Problem ? error : parts.internal(error, requestId)
  parts.traffic.refuse(problem.problem, bytes)
  return answerProblem(problem, requestId, startedMs, parts)
}

function answerProblem(
  problem: Problem,
  requestId: string,
  startedMs: number,
  parts: PacketPostParts,
): PacketAnswer {
  const { status, retryAfterSeconds } = problem
  parts.traffic.observe(nativeFamily, status, (performance.now() - startedMs) / 1000)
  const body = JSON.stringify(problem.toBody())
  const keepAliveMs = kept(parts)
  return packetAnswer({ status, contentType: problemType, requestId, body, retryAfterSeconds, keepAliveMs })
}

/** The gate may have moved while acks were awaited. */
function kept({ gate, keepAliveMs }: PacketPostParts): number {
  return gate.state === 'open' ? keepAliveMs : 0
}
