import { Problem } from '../../core/problems.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Traffic } from './traffic.ts'

/**
 * The problem that answers a request which was refused before its events were found, counted with the bytes that it announced. What is
 * no `Problem` is a fault of ours: it is in the log then, under the request's id.
 */
export function refusalOf(
  error: unknown,
  { requestId, bytes }: { readonly requestId: string; readonly bytes: number },
  { traffic, logger }: { readonly traffic: Traffic; readonly logger: Logger },
): Problem {
  const problem = error instanceof Problem ? error : internalProblem(error, requestId, logger)
  traffic.refuse(problem.problem, bytes)
  return problem
}

export function internalProblem(error: unknown, requestId: string, logger: Logger): Problem {
  logger.error({ err: error, requestId }, 'request-failed: a fault of ours')
  return new Problem('internal', `Forebay-Request-Id ${requestId} is in the log of the proxy.`, {
    cause: error,
  })
}
