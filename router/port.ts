import { timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { type FastifyInstance, fastify } from 'fastify'
import type { Registry } from 'prom-client'
import { ConfigError } from '../src/config/load.ts'
import { Problem } from '../src/core/problems.ts'
import { addTelemetryEndpoints } from '../src/telemetry/endpoints.ts'
import type { Health } from '../src/telemetry/health.ts'

export interface PortOptions {
  readonly host: string
  readonly port: number
  /** Empty = none is asked for. */
  readonly token: string
}

export interface Port {
  readonly url: string
  close(): Promise<void>
}

/**
 * The router's HTTP port: health and metrics only. Listens on loopback only, unless there is a token, which then every call needs
 * (interface "The control plane"). Throws `ConfigError` when the address is not to be had.
 */
export async function openPort(
  { host, port, token }: PortOptions,
  telemetry: { readonly registry: Registry; readonly health: Health },
): Promise<Port> {
  if (token === '' && !isLoopback(host)) {
    throw new ConfigError(`--host ${host} is not a loopback address: set --token to listen there`)
  }
  const app = fastify({ logger: false, forceCloseConnections: true, requestTimeout: 10_000 })
  if (token !== '') askForToken(app, token)
  app.setErrorHandler((error, _request, reply) => {
    const problem =
      error instanceof Problem ? error : new Problem('internal', 'see the log', { cause: error })
    return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem.toBody()))
  })
  app.setNotFoundHandler((request) => {
    throw new Problem('not-found', `${request.method} ${request.url}: there are /livez, /readyz and /metrics`)
  })
  addTelemetryEndpoints(app, telemetry)
  try {
    const url = await app.listen({ host, port })
    return { url, close: () => app.close() }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL' && code !== 'EACCES') throw error
    throw new ConfigError(`cannot listen on ${host}:${port} (${code}); choose another --port or --host`, {
      cause: error,
    })
  }
}

function askForToken(app: FastifyInstance, token: string): void {
  const expected = Buffer.from(`Bearer ${token}`)
  app.addHook('onRequest', async (request) => {
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new Problem('unauthorized', 'this port asks for Authorization: Bearer <token>')
    }
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
