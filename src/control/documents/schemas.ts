/**
 * JSON Schemas (2020-12) of the documents that `apply`, POST and PUT take: they check the input, and OpenAPI is made of them. Formats
 * `forebay-duration` and `forebay-size` are quantities with units (8h, 1MiB).
 */

const owner = {
  type: 'string',
  pattern: '^[^\\s].{0,99}$',
  description: 'The team that answers for it.',
} as const
const resourceName = { type: 'string', pattern: '^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,99}$' } as const
/** Kafka's legal characters; the part before the first dot is the namespace. */
const topicName = {
  type: 'string',
  maxLength: 200,
  pattern: '^(?!__)[a-zA-Z0-9_-]+\\.[a-zA-Z0-9._-]+$',
} as const
const duration = { type: ['string', 'integer'], format: 'forebay-duration', minimum: 0 } as const
const size = { type: ['string', 'integer'], format: 'forebay-size', minimum: 0 } as const
const hostPort = {
  type: 'string',
  maxLength: 300,
  pattern: '^([^\\s/:\\[\\]]+|\\[[0-9a-fA-F:.]+\\]):\\d{1,5}$',
} as const

export const namespaceSchema = {
  type: 'object',
  required: ['name', 'owner'],
  additionalProperties: false,
  properties: {
    kind: { const: 'Namespace' },
    name: { type: 'string', pattern: '^(?!__)[a-zA-Z0-9_-]{1,100}$' },
    owner,
  },
} as const

export const clusterSchema = {
  type: 'object',
  required: ['name', 'role', 'bootstrap'],
  additionalProperties: false,
  properties: {
    kind: { const: 'Cluster' },
    name: resourceName,
    role: { enum: ['fronting', 'standby', 'consumer'] },
    bootstrap: { type: 'array', minItems: 1, maxItems: 100, uniqueItems: true, items: hostPort },
    standby: { ...resourceName, description: 'Fronting clusters only: the standby that stands in for it.' },
    failback: {
      enum: ['auto', 'manual'],
      default: 'auto',
      description: 'Fronting clusters only. auto: topics come home by themselves when it is well again.',
    },
  },
} as const

export const topicSchema = {
  type: 'object',
  required: ['name', 'owner'],
  additionalProperties: false,
  properties: {
    kind: { const: 'Topic' },
    name: topicName,
    owner,
    delivery: {
      enum: ['fast', 'durable'],
      default: 'fast',
      description: 'fast: 202, may drop and says so. durable: answered after the acks.',
    },
    cluster: { ...resourceName, description: 'May be left out when there is one fronting cluster.' },
    partitions: { type: 'integer', minimum: 1, maximum: 10_000, default: 6, description: 'Only grows.' },
    retention: { ...duration, default: '8h' },
    maxEventBytes: { ...size, default: '1MiB' },
    check: { enum: ['none', 'structure', 'grammar'], default: 'structure' },
    eventId: { enum: ['none', 'header'], default: 'none' },
    compression: { enum: ['none', 'gzip', 'snappy', 'lz4', 'zstd'], default: 'none' },
    mediaTypes: {
      type: 'array',
      maxItems: 50,
      uniqueItems: true,
      items: { type: 'string', maxLength: 100, pattern: '^[a-z0-9.+-]+/[a-z0-9.+*-]+$' },
      default: [],
      description: 'Empty: every media type is taken.',
    },
  },
} as const

export const kafkaSinkSchema = {
  type: 'object',
  required: ['type'],
  additionalProperties: false,
  properties: {
    type: { const: 'kafka' },
    cluster: { ...resourceName, description: 'May be left out when there is one consumer cluster.' },
    topic: {
      type: 'string',
      maxLength: 249,
      pattern: '^(?!__)[a-zA-Z0-9._-]+$',
      description: 'Default: the same name.',
    },
  },
} as const

export const fileSinkSchema = {
  type: 'object',
  required: ['type'],
  additionalProperties: false,
  properties: {
    type: { const: 'file' },
    directory: { type: 'string', minLength: 1, maxLength: 1000, description: "Default: the route's name." },
    rotate: { ...size, default: '128MiB' },
  },
} as const

export const routeSchema = {
  type: 'object',
  required: ['topic', 'sink'],
  additionalProperties: false,
  properties: {
    kind: { const: 'Route' },
    name: {
      ...resourceName,
      pattern: '^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,230}$',
      description: 'Default: <topic>.<sink type>.',
    },
    topic: topicName,
    sink: { type: 'object', oneOf: [kafkaSinkSchema, fileSinkSchema] },
    from: { enum: ['earliest', 'latest'], default: 'earliest' },
    guarantee: { enum: ['at-least-once'], default: 'at-least-once' },
  },
} as const

export const documentSchemas = {
  Namespace: namespaceSchema,
  Cluster: clusterSchema,
  Topic: topicSchema,
  Route: routeSchema,
} as const

export const applySchema = {
  type: 'object',
  required: ['documents'],
  additionalProperties: false,
  properties: {
    documents: { type: 'array', maxItems: 10_000, items: { type: 'object' } },
    dryRun: { type: 'boolean', default: false },
    reason: { type: 'string', maxLength: 1000 },
  },
} as const
