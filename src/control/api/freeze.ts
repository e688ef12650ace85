import type { FastifyInstance } from 'fastify'
import type { Freezes } from '../drive/freezes.ts'
import { bodyCheck } from './bodies.ts'
import { freezeSchema, unfreezeQuery } from './operation-schemas.ts'
import { authorship } from './preconditions.ts'

interface FreezeBody {
  readonly cluster?: string
  readonly reason: string
}

const checkFreeze = bodyCheck<FreezeBody>(freezeSchema)

/** `/v1/freeze`: automatic moves of one cluster, or of all, are not made until it is lifted. */
export function freeze(app: FastifyInstance, { freezes }: { readonly freezes: Freezes }): void {
  app.get(
    '/v1/freeze',
    { config: { openapi: { summary: 'What is frozen', gives: 'Freeze', paged: true } } },
    async () => ({ items: await freezes.list() }),
  )
  app.put(
    '/v1/freeze',
    {
      schema: { body: freezeSchema },
      config: {
        openapi: {
          summary: 'Freeze automatic moves',
          takes: 'FreezeRequest',
          gives: 'Freeze',
          paged: true,
          ifMatch: false,
        },
      },
    },
    async ({ body }) => {
      const { cluster, reason } = checkFreeze(body)
      await freezes.freeze(cluster, { ...authorship(reason), reason })
      return { items: await freezes.list() }
    },
  )
  app.delete<{ Querystring: FreezeBody }>(
    '/v1/freeze',
    {
      schema: { querystring: unfreezeQuery },
      config: { openapi: { summary: 'Lift a freeze', status: 204, ifMatch: false } },
    },
    async ({ query: { cluster, reason } }, reply) => {
      await freezes.lift(cluster, { ...authorship(reason), reason })
      return reply.code(204).send()
    },
  )
}
