import type { FastifyRequest } from 'fastify'
import { Problem } from '../../core/problems.ts'
import type { IfMatch } from '../apply/control-service.ts'
import type { Authorship } from '../store/control-store.ts'

/** The strong ETag of a resource (RFC 9110 §8.8.3). */
export function resourceETag(revision: number): string {
  return `"${revision}"`
}

/** Changing what is there needs If-Match (RFC 6585 §3): 428 without. An ETag that cannot be ours matches nothing: 412. */
export function readIfMatch(request: FastifyRequest): IfMatch {
  const header = request.headers['if-match']
  if (header === undefined)
    throw new Problem('precondition-required', 'send If-Match with the ETag that you read, or *')
  if (header.trim() === '*') return '*'
  const revision = /^"(\d{1,15})"$/.exec(header.trim())?.[1]
  return revision === undefined ? -1 : Number(revision)
}

/** Until there is authentication everybody is `local` (interface.md). */
export function authorship(reason: string | undefined): Authorship {
  return { actor: 'local', ...(reason === undefined ? {} : { reason }) }
}
