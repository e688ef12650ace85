import type { FastifyInstance } from 'fastify'
import { Histogram, type Registry } from 'prom-client'

/** Notes an answer that fastify did not give; `family` is a route pattern. */
export type NoteAnswer = (family: string, status: number, seconds: number) => void

/** Durations of answers by route pattern and status, both bounded: an address that is no route counts as `unknown`. */
export function addHttpMetrics(app: FastifyInstance, registry: Registry): NoteAnswer {
  const durations = new Histogram({
    name: 'forebay_http_request_duration_seconds',
    help: 'Time to answer a request; a long-poll counts with its wait.',
    labelNames: ['family', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60],
    registers: [registry],
  })
  const note: NoteAnswer = (family, status, seconds) =>
    durations.observe({ family, status: String(status) }, seconds)
  app.addHook('onResponse', async (request, reply) => {
    note(request.routeOptions.url ?? 'unknown', reply.statusCode, reply.elapsedTime / 1000)
  })
  return note
}
