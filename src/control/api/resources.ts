import type { FastifyInstance, FastifyReply } from 'fastify'
import { Problem } from '../../core/problems.ts'
import type { ControlService } from '../apply/control-service.ts'
import { documentSchemas } from '../documents/schemas.ts'
import type { ControlState, ResourceKind, StoredResource } from '../store/control-store.ts'
import type { StateFeed } from '../store/state-feed.ts'
import { pageOf, pageQuery } from './page.ts'
import { authorship, readIfMatch, resourceETag } from './preconditions.ts'
import { deleteTopicQuery, nameParameter, reasonQuery } from './schemas.ts'
import { viewResource } from './views.ts'

export interface ResourceOptions {
  readonly feed: StateFeed
  readonly service: ControlService
  /** What a view has beside what is stored. */
  readonly more?: (name: string) => object
}

interface Named {
  Params: { name: string }
  Querystring: { reason?: string; yes?: boolean }
}

const collections: Readonly<Record<ResourceKind, string>> = {
  Namespace: 'namespaces',
  Cluster: 'clusters',
  Topic: 'topics',
  Route: 'routes',
}

const noRoutes: ControlState['Route'] = new Map()

/** List, read, create, replace and delete of one kind: the same for all four. */
export function addResource(
  app: FastifyInstance,
  kind: ResourceKind,
  { feed, service, more = () => ({}) }: ResourceOptions,
): void {
  const base = `/v1/${collections[kind]}`
  const document = `${kind}Document` as const
  const what = collections[kind].slice(0, -1)
  const view = (resource: StoredResource) => ({
    ...viewResource(kind, resource, kind === 'Topic' ? feed.state.Route : noRoutes),
    ...more(resource.spec.name),
  })

  const answer = (reply: FastifyReply, name: string) => {
    const found = feed.get(kind, name)
    if (found === undefined) throw new Problem('not-found', `there is no ${what} ${name}`)
    reply.header('etag', resourceETag(found.revision))
    return reply.send(view(found))
  }

  app.get<{ Querystring: { limit: number; after?: string } }>(
    base,
    {
      schema: { querystring: pageQuery },
      config: { openapi: { summary: `List ${collections[kind]} by name`, gives: kind, paged: true } },
    },
    async ({ query: { limit, after } }) => {
      const page = pageOf(feed.list(kind, limit + 1, after), limit, ({ spec }) => spec.name)
      return { ...page, items: page.items.map(view) }
    },
  )

  app.get<Named>(
    `${base}/:name`,
    { schema: { params: nameParameter }, config: { openapi: { summary: `Read a ${what}`, gives: kind } } },
    async ({ params }, reply) => answer(reply, params.name),
  )

  app.post<{ Querystring: { reason?: string } }>(
    base,
    {
      schema: { body: documentSchemas[kind], querystring: reasonQuery },
      config: { openapi: { summary: `Create a ${what}`, takes: document, gives: kind, status: 201 } },
    },
    async ({ body, query }, reply) => {
      const { name } = await service.create(kind, body, authorship(query.reason))
      reply.code(201).header('location', `${base}/${encodeURIComponent(name)}`)
      return answer(reply, name)
    },
  )

  app.put<Named>(
    `${base}/:name`,
    {
      schema: { body: documentSchemas[kind], params: nameParameter, querystring: reasonQuery },
      config: { openapi: { summary: `Replace a ${what}`, takes: document, gives: kind } },
    },
    async (request, reply) => {
      const { params, body, query } = request
      await service.replace(kind, params.name, body, readIfMatch(request), authorship(query.reason))
      return answer(reply, params.name)
    },
  )

  app.delete<Named>(
    `${base}/:name`,
    {
      schema: { params: nameParameter, querystring: kind === 'Topic' ? deleteTopicQuery : reasonQuery },
      config: { openapi: { summary: `Delete a ${what}`, status: 204 } },
    },
    async (request, reply) => {
      const { params, query } = request
      await service.remove(
        kind,
        params.name,
        readIfMatch(request),
        query.yes ?? false,
        authorship(query.reason),
      )
      return reply.code(204).send()
    },
  )
}
