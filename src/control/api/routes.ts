import type { FastifyInstance } from 'fastify'
import { Problem } from '../../core/problems.ts'
import { authorship, resourceETag } from './preconditions.ts'
import { addResource, type ResourceOptions } from './resources.ts'
import { nameParameter, reasonQuery } from './schemas.ts'
import { viewResource } from './views.ts'

const verbs = { pause: 'paused', resume: 'running' } as const

/** `/v1/routes`, with pause and resume. */
export function routes(app: FastifyInstance, options: ResourceOptions): void {
  addResource(app, 'Route', options)
  for (const [verb, state] of Object.entries(verbs)) {
    app.post<{ Params: { name: string }; Querystring: { reason?: string } }>(
      `/v1/routes/:name/${verb}`,
      {
        schema: { params: nameParameter, querystring: reasonQuery },
        config: { openapi: { summary: `${verb === 'pause' ? 'Pause' : 'Resume'} a route`, gives: 'Route' } },
      },
      async ({ params, query }, reply) => {
        const route = await options.service.setRouteState(params.name, state, authorship(query.reason))
        reply.header('etag', resourceETag(route.revision))
        return viewResource('Route', route, new Map())
      },
    )
  }
  app.post('/v1/routes/:name/seek', { schema: { params: nameParameter } }, async () => {
    throw new Problem('not-supported-yet', 'seeking a route is not supported yet')
  })
}
