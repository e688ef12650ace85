import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { Readiness } from './health.ts'

/** A process's `Health`, or what speaks for several processes. */
export interface ReadinessSource {
  readiness(): Readiness | Promise<Readiness>
}

/** A registry, or what speaks for those of several processes. */
export type MetricsSource = Pick<Registry, 'metrics' | 'contentType'>

/** `/livez`, `/readyz` (`?verbose`) and `/metrics`, the same on every process (interface.md). */
export function addTelemetryEndpoints(
  app: FastifyInstance,
  { registry, health }: { registry: MetricsSource; health: ReadinessSource },
): void {
  app.get('/livez', async () => ({ live: true }))
  app.get('/readyz', async (request, reply) => {
    const { ready, problems, checks } = await health.readiness()
    const verbose = Object.hasOwn(request.query as object, 'verbose')
    return reply.code(ready ? 200 : 503).send(verbose ? { ready, problems, checks } : { ready, problems })
  })
  app.get('/metrics', async (_request, reply) => {
    const body = await registry.metrics()
    return reply.header('content-type', registry.contentType).send(body)
  })
}
