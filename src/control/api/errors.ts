import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../../core/problems.ts'
import { StoreError } from '../store/store-error.ts'

/** The one place where errors become answers (RFC 9457); what is not a Problem is a fault of ours and is logged with its cause. */
export function addErrorHandling(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const problem = asProblem(error)
    if (problem.status >= 500) request.log.error({ err: error }, 'request failed')
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((request: FastifyRequest, reply) =>
    sendProblem(
      reply,
      new Problem('not-found', `there is no ${request.method} ${request.url.slice(0, 200)}`),
    ),
  )
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds)
  if (problem.problem === 'unauthorized') reply.header('www-authenticate', 'Bearer')
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem.toBody()))
}

/** The store's own words: it is the one who refuses a leader that is late. */
function storeProblem(error: StoreError): Problem {
  const name =
    error.word === 'not-leading'
      ? 'not-leading'
      : error.word === 'store-unavailable' || error.word === 'store-full'
        ? 'store-unavailable'
        : 'internal'
  const retryAfterSeconds = name === 'internal' ? {} : { retryAfterSeconds: 1 }
  return new Problem(name, error.message, { ...retryAfterSeconds, cause: error })
}

function asProblem(error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error
  if (error instanceof StoreError) return storeProblem(error)
  if (error.validation !== undefined)
    return new Problem('invalid-parameter', `${error.validationContext ?? 'parameter'}: ${error.message}`, {
      cause: error,
    })
  const status = error.statusCode ?? 500
  if (status === 413) return new Problem('too-large', error.message, { cause: error })
  if (status === 415) {
    return new Problem('unsupported-media-type', 'send application/json (apply takes application/yaml too)', {
      cause: error,
    })
  }
  if (status >= 400 && status < 500) return new Problem('malformed-request', error.message, { cause: error })
  return new Problem('internal', 'the request failed; the log of this process says more', { cause: error })
}
