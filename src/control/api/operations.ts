import type { FastifyInstance } from 'fastify'
import type { OperationKind, OperationSummary, OperationView } from '../../core/operations.ts'
import { Problem } from '../../core/problems.ts'
import type { Page } from '../../core/resources.ts'
import type { Mover } from '../drive/mover.ts'
import type { OperationReader } from '../drive/operation-reader.ts'
import { bodyCheck } from './bodies.ts'
import { cancelSchema, operationQuery } from './operation-schemas.ts'
import { pageOf } from './page.ts'
import { authorship } from './preconditions.ts'
import { nameParameter } from './schemas.ts'

export interface OperationOptions {
  readonly mover: Mover
  readonly reader: OperationReader
}

interface ListQuery {
  readonly limit: number
  readonly after?: string
  readonly open: boolean
  readonly cluster?: string
}

const checkCancel = bodyCheck<{ readonly reason: string }>(cancelSchema)

/** `/v1/operations`: everything that takes a while, whatever it does. */
export function operations(app: FastifyInstance, { mover, reader }: OperationOptions): void {
  app.get<{ Querystring: ListQuery }>(
    '/v1/operations',
    {
      schema: { querystring: operationQuery },
      config: { openapi: { summary: 'All operations, newest first', gives: 'Operation', paged: true } },
    },
    async ({ query }) => listOperations(reader, query),
  )
  app.get<{ Params: { name: string } }>(
    '/v1/operations/:name',
    {
      schema: { params: nameParameter },
      config: { openapi: { summary: 'An operation with each of its steps', gives: 'Operation' } },
    },
    async ({ params: { name } }) => showOperation(reader, name),
  )
  app.post<{ Params: { name: string } }>(
    '/v1/operations/:name/cancel',
    {
      schema: { params: nameParameter, body: cancelSchema },
      config: {
        openapi: {
          summary: 'Take an operation back, while that is possible',
          takes: 'CancelRequest',
          gives: 'Operation',
          status: 202,
        },
      },
    },
    async ({ params: { name }, body }, reply) => {
      const { reason } = checkCancel(body)
      await showOperation(reader, name)
      await mover.cancel(name, { ...authorship(reason), reason })
      reply.code(202)
      return showOperation(reader, name)
    },
  )
}

export async function listOperations(
  reader: OperationReader,
  { limit, after, open, cluster, kind }: ListQuery & { readonly kind?: OperationKind },
): Promise<Page<OperationSummary>> {
  const found = await reader.list({
    limit: limit + 1,
    open,
    ...(after === undefined ? {} : { after }),
    ...(kind === undefined ? {} : { kind }),
    ...(cluster === undefined ? {} : { subject: cluster }),
  })
  return pageOf(found, limit, ({ id }) => id)
}

/** Throws `not-found` when there is none, or none of that kind. */
export async function showOperation(
  reader: OperationReader,
  id: string,
  kind?: OperationKind,
): Promise<OperationView> {
  const view = await reader.show(id)
  if (view === undefined || (kind !== undefined && view.kind !== kind))
    throw new Problem('not-found', `there is no ${kind ?? 'operation'} ${id.slice(0, 100)}`)
  return view
}
