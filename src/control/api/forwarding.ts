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

const marker = 'forebay-forwarded'

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
  // An apply waits for every partition to have a leader: minutes.
  const agent = new Agent({ connect: { timeout: 2000 }, headersTimeout: 300_000 })
  app.addHook('onClose', () => agent.destroy())
  app.addHook('onRequest', async (request, reply) => {
    const leader = options.leaderAddress()
    const isChange = request.method !== 'GET' && request.method !== 'HEAD'
    if (!isChange || options.isLeading() || leader === '' || request.headers[marker] !== undefined) return
    const { statusCode, headers, body } = await forward(request, leader, agent)
    const text = Buffer.from(await body.arrayBuffer())
    await options.refresh().catch((error: unknown) => {
      request.log.warn({ err: error }, 'the forwarded change will be seen here later')
    })
    for (const name of ['content-type', 'etag', 'location', 'retry-after']) {
      const value = headers[name]
      if (value !== undefined) reply.header(name, value)
    }
    return reply.code(statusCode).send(text)
  })
}

async function forward(request: FastifyRequest, leader: string, agent: Agent) {
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
