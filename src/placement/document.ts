import { setImmediate as nextTurn } from 'node:timers/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { PlacementDocument } from '../core/placement.ts'

/** Most characters of a name of ours (topic, cluster, route) in a document: bounds labels, paths and log lines. */
const name = { type: 'string', minLength: 1, maxLength: 260 } as const
const hostPort = {
  type: 'string',
  pattern: '^[^\\s/:]+:\\d{1,5}$|^\\[[0-9a-fA-F:]+\\]:\\d{1,5}$',
  maxLength: 300,
} as const
const counter = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const

const cluster = {
  type: 'object',
  required: ['id', 'role', 'bootstrap'],
  properties: {
    id: name,
    role: { enum: ['fronting', 'standby', 'consumer'] },
    bootstrap: { type: 'array', minItems: 1, maxItems: 100, items: hostPort },
  },
} as const

const placement = {
  type: 'object',
  required: [
    'topic',
    'delivery',
    'cluster',
    'holders',
    'partitions',
    'maxEventBytes',
    'check',
    'eventId',
    'compression',
    'mediaTypes',
  ],
  properties: {
    topic: { ...name, pattern: '^[a-zA-Z0-9._-]+$' },
    delivery: { enum: ['fast', 'durable'] },
    cluster: name,
    standby: name,
    holders: { type: 'array', minItems: 1, maxItems: 16, uniqueItems: true, items: name },
    partitions: { type: 'integer', minimum: 1, maximum: 100_000 },
    maxEventBytes: { type: 'integer', minimum: 0, maximum: 2 ** 30 },
    check: { enum: ['none', 'structure', 'grammar'] },
    eventId: { enum: ['none', 'header'] },
    compression: { enum: ['none', 'gzip', 'snappy', 'lz4', 'zstd'] },
    mediaTypes: { type: 'array', maxItems: 100, items: { type: 'string', maxLength: 200 } },
    degraded: { type: 'string', maxLength: 1000 },
  },
} as const

const kafkaSink = {
  type: 'object',
  required: ['type', 'cluster', 'topic'],
  properties: { type: { const: 'kafka' }, cluster: name, topic: name },
} as const

const fileSink = {
  type: 'object',
  required: ['type', 'directory', 'rotateBytes'],
  properties: {
    type: { const: 'file' },
    directory: { type: 'string', minLength: 1, maxLength: 4096 },
    rotateBytes: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  },
} as const

const route = {
  type: 'object',
  required: ['id', 'topic', 'sink', 'from', 'state'],
  properties: {
    id: name,
    topic: name,
    sink: { type: 'object', required: ['type'], oneOf: [kafkaSink, fileSink] },
    from: { enum: ['earliest', 'latest'] },
    state: { enum: ['running', 'paused'] },
  },
} as const

/**
 * JSON Schema 2020-12 of the placement document, for the reader that must not believe it and for the OpenAPI of the writer. Unknown
 * members are let through, so that an older proxy can follow a newer control plane.
 */
export const placementDocumentSchema = {
  type: 'object',
  required: ['storeId', 'leaseTerm', 'version', 'clusters', 'placements', 'routes'],
  properties: {
    storeId: { type: 'string', minLength: 1, maxLength: 100 },
    leaseTerm: counter,
    version: counter,
    clusters: { type: 'array', maxItems: 10_000, items: cluster },
    placements: { type: 'array', maxItems: 100_000, items: placement },
    routes: { type: 'array', maxItems: 100_000, items: route },
  },
} as const

const validate = new Ajv2020({ strict: false }).compile<PlacementDocument>(placementDocumentSchema)

export type CheckedPlacement =
  | { readonly ok: true; readonly document: PlacementDocument }
  | { readonly ok: false; readonly reason: string }

/**
 * Whether `value` is a placement document that can be acted upon: the right shape, every name unique, and every cluster it speaks of
 * listed (faults F16, F17). Never throws.
 */
export function checkPlacementDocument(value: unknown): CheckedPlacement {
  if (!validate(value)) {
    const error = validate.errors?.[0]
    return {
      ok: false,
      reason: `${error?.instancePath || 'the document'} ${error?.message ?? 'is not valid'}`,
    }
  }
  const reason = contradiction(value)
  return reason === undefined ? { ok: true, document: value } : { ok: false, reason }
}

/**
 * Reads the text of a document and checks it, with other work of the loop let in after each: either takes tens of milliseconds for
 * thousands of topics, and what is done with the document takes as long again.
 */
export async function readPlacementDocument(text: string): Promise<CheckedPlacement> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, reason: `not JSON: ${(error as Error).message}` }
  }
  await nextTurn()
  const checked = checkPlacementDocument(value)
  await nextTurn()
  return checked
}

function contradiction(document: PlacementDocument): string | undefined {
  const clusters = new Set(document.clusters.map((cluster) => cluster.id))
  if (clusters.size < document.clusters.length) return 'a cluster is listed twice'
  const topics = new Set<string>()
  for (const { topic, cluster, standby, holders } of document.placements) {
    if (topics.has(topic)) return `topic ${topic} is placed twice`
    topics.add(topic)
    if (!holders.includes(cluster)) return `topic ${topic}: holders does not name its cluster ${cluster}`
    const missing = [...holders, standby ?? cluster].find((id) => !clusters.has(id))
    if (missing !== undefined) return `topic ${topic}: cluster ${missing} is not listed`
  }
  const routes = new Set<string>()
  for (const { id, topic, sink } of document.routes) {
    if (routes.has(id)) return `route ${id} is listed twice`
    routes.add(id)
    if (!topics.has(topic)) return `route ${id}: topic ${topic} is not placed`
    if (sink.type === 'kafka' && !clusters.has(sink.cluster))
      return `route ${id}: cluster ${sink.cluster} is not listed`
  }
  return undefined
}
