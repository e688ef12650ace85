import type { FastifyInstance, FastifySchema } from 'fastify'
import { type ComponentName, components } from './schemas.ts'

/** What a route says of itself for the OpenAPI document, beside the schemas that check its input. */
export interface Described {
  readonly summary: string
  /** Name of the component that the body is, and of the one that a good answer is. */
  readonly takes?: ComponentName
  readonly gives?: ComponentName
  /** The answer is a page of `gives`. */
  readonly paged?: boolean
  readonly status?: number
  /** False where a PUT or DELETE is of nothing that has an ETag. */
  readonly ifMatch?: boolean
}

declare module 'fastify' {
  interface FastifyContextConfig {
    openapi?: Described
  }
}

interface Collected {
  readonly url: string
  readonly method: string
  readonly schema: FastifySchema
  readonly described: Described
}

/** Collects every route that is added afterwards and describes itself, and serves OpenAPI 3.1 at /openapi.json. */
export function addOpenApi(app: FastifyInstance): void {
  const routes: Collected[] = []
  app.addHook('onRoute', ({ url, method, schema, config }) => {
    const described = config?.openapi
    if (described === undefined) return
    const methods = (Array.isArray(method) ? method : [method]).filter((name) => name !== 'HEAD')
    for (const name of methods)
      routes.push({ url, method: name.toLowerCase(), schema: schema ?? {}, described })
  })
  let document: object | undefined
  app.get('/openapi.json', async () => {
    document ??= openApiDocument(routes)
    return document
  })
}

function openApiDocument(routes: readonly Collected[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Forebay control plane',
      version: '1',
      description: 'Topics, clusters, routes and placements. Errors are application/problem+json (RFC 9457).',
    },
    paths,
    components: { schemas: components, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{}, { token: [] }],
  }
}

function operation({ schema, described, method }: Collected): object {
  const parameters = [...parametersOf(schema.params, 'path'), ...parametersOf(schema.querystring, 'query')]
  const needsIfMatch = (method === 'put' || method === 'delete') && described.ifMatch !== false
  if (needsIfMatch)
    parameters.push({ name: 'If-Match', in: 'header', required: true, schema: { type: 'string' } })
  const { takes, gives, paged = false, status = 200, summary } = described
  return {
    summary,
    parameters,
    ...(takes === undefined ? {} : { requestBody: { required: true, content: json(reference(takes)) } }),
    responses: {
      [status]: {
        description: 'Done',
        ...(gives === undefined ? {} : { content: json(paged ? page(gives) : reference(gives)) }),
      },
      default: {
        description: 'A problem',
        content: { 'application/problem+json': { schema: reference('Problem') } },
      },
    },
  }
}

function parametersOf(schema: unknown, place: 'path' | 'query'): object[] {
  const { properties = {} } = (schema ?? {}) as { properties?: Record<string, { description?: string }> }
  return Object.entries(properties).map(([name, { description, ...type }]) => ({
    name,
    in: place,
    required: place === 'path',
    ...(description === undefined ? {} : { description }),
    schema: type,
  }))
}

function page(name: ComponentName): object {
  return {
    type: 'object',
    required: ['items'],
    properties: { items: { type: 'array', items: reference(name) }, next: { type: 'string' } },
  }
}

function reference(name: ComponentName): object {
  return { $ref: `#/components/schemas/${name}` }
}

function json(schema: object): object {
  return { 'application/json': { schema } }
}
