import type { FastifyInstance } from 'fastify'
import { Histogram, type Registry } from 'prom-client'

/** Durations of answers by route pattern and status, both bounded: an address that is no route counts as `unknown`. */
export function addHttpMetrics(app: FastifyInstance, registry: Registry): void {
  const durations = new Histogram({
    name: 'forebay_http_request_duration_seconds',
    help: 'Time to answer a request; a long-poll counts with its wait.',
    labelNames: ['family', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60],
    registers: [registry],
  })
  app.addHook('onResponse', async (request, reply) => {
    const family = request.routeOptions.url ?? 'unknown'
    durations.observe({ family, status: String(reply.statusCode) }, reply.elapsedTime / 1000)
  })
}
