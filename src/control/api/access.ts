import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../../core/problems.ts'

/** Probes of an orchestrator carry no token, and learn nothing here. */
const openPaths = new Set(['/livez', '/readyz'])

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** Whether an address to listen on is reached from this machine only. */
export function isLoopback(host: string): boolean {
  return loopback.test(host)
}

/**
 * With a token: every call needs it, compared in constant time. Without: this process listens on loopback only, and takes only
 * requests that were addressed to loopback, so that no web page reaches it by a name of its own (DNS rebinding),
 * and none from a page of another origin.
 */
export function addAccessControl(app: FastifyInstance, token: string): void {
  app.addHook('onRequest', async (request) => {
    if (openPaths.has(request.url.split('?', 1)[0] ?? '')) return
    if (token === '') {
      if (!isLoopback(request.hostname))
        throw new Problem('forbidden', 'without --token only requests to a loopback address are taken')
      if (!isSameOrigin(request.headers.origin, request.host))
        throw new Problem('forbidden', 'without --token no web page of another origin is served')
      return
    }
    if (!bearsToken(request.headers.authorization, token))
      throw new Problem('unauthorized', 'send Authorization: Bearer <token>')
  })
}

/** Whether `Authorization` carries the token, in constant time; `token` is not ''. */
export function bearsToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  return given !== undefined && sameSecret(given, token)
}

/** Browsers say where a page came from; a page from elsewhere must not pause a route by posting a form. */
function isSameOrigin(origin: string | undefined, host: string): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

/** Digests have one length, so that neither it nor the first difference shows in the time. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}
