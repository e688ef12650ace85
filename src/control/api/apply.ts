import type { FastifyInstance } from 'fastify'
import { parseAllDocuments } from 'yaml'
import { unknownWord } from '../../core/did-you-mean.ts'
import { Problem } from '../../core/problems.ts'
import type { ApplyRequest } from '../../core/resources.ts'
import type { ControlService } from '../apply/control-service.ts'
import { isObject } from '../documents/check.ts'
import { applySchema } from '../documents/schemas.ts'
import { authorship } from './preconditions.ts'
import { applyQuery } from './schemas.ts'

/** `POST /v1/apply`: JSON `{documents, dryRun, reason}`, or YAML with several documents and `?dryRun=true`. */
export function apply(app: FastifyInstance, { service }: { service: ControlService }): void {
  for (const type of ['application/yaml', 'application/x-yaml', 'text/yaml']) {
    app.addContentTypeParser(
      type,
      { parseAs: 'string' },
      async (_request: unknown, body: string | Buffer) => ({
        documents: parseYaml(String(body)),
      }),
    )
  }
  app.post<{ Querystring: { dryRun?: boolean; reason?: string } }>(
    '/v1/apply',
    {
      schema: { body: applySchema, querystring: applyQuery },
      config: { openapi: { summary: 'Make documents true', takes: 'ApplyRequest', gives: 'ApplyResult' } },
    },
    async ({ body, query }) => {
      const { documents, dryRun = query.dryRun ?? false, reason = query.reason } = readRequest(body)
      return service.apply(documents, dryRun, authorship(reason))
    },
  )
}

function readRequest(body: unknown): ApplyRequest {
  if (!isObject(body)) throw new Problem('invalid-document', 'the body must be {"documents": […]}')
  for (const key of Object.keys(body)) {
    const known = Object.keys(applySchema.properties)
    if (!known.includes(key))
      throw new Problem('invalid-document', unknownWord('key', key.slice(0, 100), known))
  }
  const { documents, dryRun, reason } = body
  if (!Array.isArray(documents)) throw new Problem('invalid-document', 'documents: must be a list')
  if (documents.length > applySchema.properties.documents.maxItems)
    throw new Problem('invalid-document', `documents: more than ${applySchema.properties.documents.maxItems}`)
  if (dryRun !== undefined && typeof dryRun !== 'boolean')
    throw new Problem('invalid-document', 'dryRun: must be true or false')
  if (
    reason !== undefined &&
    (typeof reason !== 'string' || reason.length > applySchema.properties.reason.maxLength)
  )
    throw new Problem('invalid-document', 'reason: must be a text of at most 1000 characters')
  return {
    documents,
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(reason === undefined ? {} : { reason }),
  }
}

function parseYaml(text: string): readonly unknown[] {
  return [...parseAllDocuments(text)]
    .map((document) => {
      const [error] = document.errors
      if (error !== undefined)
        throw new Problem('invalid-document', `YAML: ${error.message}`, { cause: error })
      return document.toJS() as unknown
    })
    .filter((document) => document !== null)
}
