import type { FastifyInstance } from 'fastify'
import type { MoveRequestBody, OperationKind } from '../../core/operations.ts'
import { Problem } from '../../core/problems.ts'
import type { Mover } from '../drive/mover.ts'
import type { OperationReader } from '../drive/operation-reader.ts'
import type { Watch } from '../drive/senses.ts'
import { planView } from '../drive/views.ts'
import { bodyCheck } from './bodies.ts'
import { moveSchema, operationQuery, planQuery } from './operation-schemas.ts'
import { listOperations, showOperation } from './operations.ts'
import { authorship } from './preconditions.ts'
import { nameParameter } from './schemas.ts'

export interface MoveOptions {
  readonly mover: Mover
  readonly reader: OperationReader
  readonly watch: Watch
}

interface PlanRequest {
  Querystring: { cluster: string; topics?: string; planned?: boolean }
}

const checkMove = bodyCheck<MoveRequestBody>(moveSchema)

/** Begin, plan, list and show: the same for both directions. */
export function addMoves(
  app: FastifyInstance,
  kind: OperationKind,
  { mover, reader, watch }: MoveOptions,
): void {
  const base = `/v1/${kind}s`

  app.post(
    base,
    {
      schema: { body: moveSchema },
      config: {
        openapi: { summary: `Begin a ${kind}`, takes: 'MoveRequest', gives: 'Operation', status: 202 },
      },
    },
    async ({ body }, reply) => {
      const { reason, dryRun = false, ...request } = checkMove(body)
      if (kind === 'failback' && request.planned !== undefined)
        throw new Problem('invalid-document', 'planned: a failback always is')
      const { id } = await mover.start({ kind, ...request }, dryRun, authorship(reason))
      reply.code(202).header('location', `${base}/${id}`)
      return showOperation(reader, id, kind)
    },
  )

  app.get<PlanRequest>(
    `${base}/plan`,
    {
      schema: { querystring: planQuery },
      config: { openapi: { summary: `What a ${kind} would do now`, gives: 'Plan' } },
    },
    async ({ query: { cluster, topics, planned } }) => {
      const plan = await mover.plan({
        kind,
        cluster,
        ...(topics === undefined ? {} : { topics: namesIn(topics) }),
        ...(planned === undefined ? {} : { planned }),
      })
      return planView(plan, watch.rates(kind === 'failover' ? plan.cluster : plan.standby))
    },
  )

  app.get<{ Querystring: { limit: number; after?: string; open: boolean; cluster?: string } }>(
    base,
    {
      schema: { querystring: operationQuery },
      config: { openapi: { summary: `All ${kind}s, newest first`, gives: 'Operation', paged: true } },
    },
    async ({ query }) => listOperations(reader, { ...query, kind }),
  )

  app.get<{ Params: { name: string } }>(
    `${base}/:name`,
    {
      schema: { params: nameParameter },
      config: { openapi: { summary: `A ${kind} with each of its steps`, gives: 'Operation' } },
    },
    async ({ params: { name } }) => showOperation(reader, name, kind),
  )
}

function namesIn(list: string): readonly string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
