import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Agent, request as send } from 'undici'
import { Problem } from '../../core/problems.ts'

export interface ForwardingOptions {
  readonly isLeading: () => boolean
  /** URL of the leader's API; '' = none is known. */
  readonly leaderAddress: () => string
  /** Called before a forwarded change is answered, so that the caller reads here what it has just written. */
  readonly refresh: () => Promise<void>
}

/** How a route wants to be passed on, where that is not as a change of the state is. */
export interface PassOn {
  /** How long the leader may take. */
  readonly timeoutMs: number
  /** Nothing is read anew before it is answered. */
  readonly changesState: boolean
}

declare module 'fastify' {
  interface FastifyContextConfig {
    passOn?: PassOn
  }
}

const marker = 'forebay-forwarded'
/** Tells callers whom they may ask directly the next time. */
const leaderHeader = 'forebay-leader'
/** An apply waits for every partition to have a leader. */
const asChange: PassOn = { timeoutMs: 300_000, changesState: true }

/** Of this connection, or checked here already. */
const ownHeaders = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'expect',
  'origin',
  'upgrade',
])

/**
 * A standby passes changes on to the leader, so that callers behind one address need not know who leads. Once only: two replicas that
 * each take the other for the leader must not play ball. Where that fails the answer is `not-leading` with the leader's address, or,
 * when the connection broke in the middle, that it is unknown.
 */
export function addForwarding(app: FastifyInstance, options: ForwardingOptions): void {
  const agent = new Agent({ connect: { timeout: 2000 } })
  app.addHook('onClose', () => agent.destroy())
  app.addHook('onRequest', async (request, reply) => {
    const leader = options.leaderAddress()
    const isChange = request.method !== 'GET' && request.method !== 'HEAD'
    if (!isChange || options.isLeading() || leader === '' || request.headers[marker] !== undefined) return
    const { timeoutMs, changesState } = request.routeOptions.config.passOn ?? asChange
    const { statusCode, headers, body } = await forward(request, leader, agent, timeoutMs)
    const text = Buffer.from(await body.arrayBuffer())
    if (changesState) {
      await options.refresh().catch((error: unknown) => {
        request.log.warn({ err: error }, 'the forwarded change will be seen here later')
      })
    }
    reply.header(leaderHeader, leader)
    for (const name of ['content-type', 'etag', 'location', 'retry-after']) {
      const value = headers[name]
      if (value !== undefined) reply.header(name, value)
    }
    return reply.code(statusCode).send(text)
  })
}

async function forward(request: FastifyRequest, leader: string, agent: Agent, timeoutMs: number) {
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !ownHeaders.has(name)),
  )
  const hasBody =
    request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  try {
    return await send(new URL(request.url, leader), {
      method: request.method as 'POST' | 'PUT' | 'PATCH' | 'DELETE',
      headers: { ...headers, [marker]: '1' },
      body: hasBody ? request.raw : null,
      dispatcher: agent,
      headersTimeout: timeoutMs,
    })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    throw new Problem(
      'not-leading',
      `this replica is a standby, and the leader at ${leader} did not answer (${code || message}): whether it made the change is unknown unless the connection was refused`,
      { retryAfterSeconds: 1, extensions: { leader }, cause: error },
    )
  }
}
