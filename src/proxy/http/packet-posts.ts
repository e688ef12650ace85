import { freeAllMemory } from '../../core/free-memory.ts'
import { type PacketAnswer, packetAnswer } from '../../http/packet-answer.ts'
import type { PacketRequest } from '../../http/packet-request.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Pipeline } from '../pipeline.ts'
import { type AnswerText, problemAnswer } from './answer.ts'
import { judgedAnswer, nativeFamily, splitTarget } from './events-endpoint.ts'
import type { Gate } from './gate.ts'
import { refusalOf } from './refusals.ts'
import { nextRequestId } from './request-id.ts'
import type { Traffic } from './traffic.ts'

export interface PacketPostParts {
  readonly pipeline: Pipeline
  readonly gate: Gate
  readonly traffic: Traffic
  readonly logger: Logger
  /** How long a connection is kept. */
  readonly keepAliveMs: number
}

interface Post {
  readonly requestId: string
  readonly bytes: number
  readonly startedMs: number
}

/**
 * Posts of events that came in one packet, as `takeEvents` takes the others. `undefined`: it is for the server, because it is for
 * another path, or because this proxy is going down, where each answer ends its connection.
 */
export function answerPacketPosts(
  parts: PacketPostParts,
): (request: PacketRequest) => PacketAnswer | Promise<PacketAnswer> | undefined {
  const { pipeline, gate } = parts
  const refused = (error: unknown, post: Post) =>
    finish(problemAnswer(refusalOf(error, post, parts)), post, parts)
  return ({ target, headers, body }) => {
    const found = gate.state === 'open' ? splitTarget(target) : undefined
    if (found === undefined) return undefined
    const post = { requestId: nextRequestId(), bytes: body.length, startedMs: performance.now() }
    try {
      const judged = pipeline.takeWhole({ ...found, headers, body })
      if (!(judged instanceof Promise)) return finish(judgedAnswer(judged), post, parts)
      return judged.then(
        (judgement) => finish(judgedAnswer(judgement), post, parts),
        (error: unknown) => refused(error, post),
      )
    } catch (error) {
      return refused(error, post)
    } finally {
      // What was offered is copied.
      freeAllMemory(body)
    }
  }
}

function finish(
  answer: AnswerText,
  { requestId, startedMs }: Post,
  { traffic, gate, keepAliveMs }: PacketPostParts,
): PacketAnswer {
  traffic.observe(nativeFamily, answer.status, (performance.now() - startedMs) / 1000)
  // The gate may have moved while acks were awaited.
  return packetAnswer({ ...answer, requestId, keepAliveMs: gate.state === 'open' ? keepAliveMs : 0 })
}
