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

/** What a call says of itself; `host` as it came, with a port or without. */
export interface Caller {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly authorization?: string | undefined
}

/**
 * Why a call is not to be served; `undefined` = it is. With a token: every call needs it, compared in constant time. Without: this
 * process listens on loopback only, and takes only requests that were addressed to loopback, so that no web page reaches it by a name of
 * its own (DNS rebinding), and none from a page of another origin.
 */
export function accessProblem(
  { host = '', origin, authorization }: Caller,
  token: string,
): Problem | undefined {
  if (token === '') {
    if (!isLoopback(host.replace(/:\d{1,5}$/, '')))
      return new Problem('forbidden', 'without --token only requests to a loopback address are taken')
    if (!isSameOrigin(origin, host))
      return new Problem('forbidden', 'without --token no web page of another origin is served')
    return undefined
  }
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  if (given !== undefined && sameSecret(given, token)) return undefined
  return new Problem('unauthorized', 'send Authorization: Bearer <token>')
}

export function addAccessControl(app: FastifyInstance, token: string): void {
  app.addHook('onRequest', async (request) => {
    if (openPaths.has(request.url.split('?', 1)[0] ?? '')) return
    const problem = accessProblem(request.headers, token)
    if (problem !== undefined) throw problem
  })
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
