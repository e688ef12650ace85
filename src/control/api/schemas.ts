import { problems } from '../../core/problems.ts'
import { placementDocumentSchema } from '../../placement/document.ts'
import {
  applySchema,
  clusterSchema,
  fileSinkSchema,
  kafkaSinkSchema,
  namespaceSchema,
  routeSchema,
  topicSchema,
} from '../documents/schemas.ts'
import { operationComponents } from './operation-schemas.ts'
import { proxyComponents } from './proxy-schemas.ts'

/** JSON Schemas of the API's parameters and answers; those of the documents it takes are in documents/schemas.ts. */

export const nameParameter = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', minLength: 1, maxLength: 260 } },
} as const

export const reasonQuery = {
  type: 'object',
  properties: { reason: { type: 'string', maxLength: 1000, description: 'For the audit log.' } },
} as const

export const deleteTopicQuery = {
  type: 'object',
  properties: {
    ...reasonQuery.properties,
    yes: { type: 'boolean', default: false, description: 'The events go too, and that is meant.' },
  },
} as const

export const applyQuery = {
  type: 'object',
  properties: { ...reasonQuery.properties, dryRun: { type: 'boolean', description: 'For YAML bodies.' } },
} as const

export const placementQuery = {
  type: 'object',
  properties: {
    after: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    wait: { type: 'number', minimum: 0, maximum: 60, default: 0, description: 'Seconds.' },
  },
} as const

export const eventQuery = {
  type: 'object',
  properties: {
    after: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'The `next` before.',
    },
    limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
    wait: { type: 'number', minimum: 0, maximum: 60, default: 0, description: 'Seconds.' },
  },
} as const

const stored = {
  revision: { type: 'integer', description: 'The ETag without its quotes.' },
  createdAt: { type: 'string', format: 'date-time' },
  updatedAt: { type: 'string', format: 'date-time' },
} as const

const provisioned = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      cluster: { type: 'string' },
      topicId: { type: 'string', format: 'uuid' },
      partitions: { type: 'integer' },
      replicas: { type: 'integer' },
      minInSync: { type: 'integer' },
      degraded: { type: 'string' },
    },
  },
} as const

const { kind: _n, ...namespaceProperties } = namespaceSchema.properties
const { kind: _c, ...clusterProperties } = clusterSchema.properties
const { kind: _t, retention: _retention, ...topicProperties } = topicSchema.properties
const { kind: _r, sink: _sink, guarantee: _guarantee, ...routeProperties } = routeSchema.properties

/** `components.schemas` of the OpenAPI document. Answers are specs: quantities as numbers of ms and bytes. */
export const components = {
  NamespaceDocument: namespaceSchema,
  ClusterDocument: clusterSchema,
  TopicDocument: topicSchema,
  RouteDocument: routeSchema,
  ApplyRequest: applySchema,
  Namespace: { type: 'object', properties: { ...namespaceProperties, ...stored } },
  Cluster: { type: 'object', properties: { ...clusterProperties, ...stored } },
  Topic: {
    type: 'object',
    properties: {
      ...topicProperties,
      maxEventBytes: { type: 'integer' },
      retentionMs: { type: 'integer' },
      provisioned,
      ...stored,
    },
  },
  Route: {
    type: 'object',
    properties: {
      ...routeProperties,
      state: { enum: ['running', 'paused'] },
      sink: {
        oneOf: [
          { ...kafkaSinkSchema, required: ['type', 'cluster', 'topic'] },
          {
            ...fileSinkSchema,
            required: ['type', 'directory', 'rotateBytes'],
            properties: {
              type: { const: 'file' },
              directory: { type: 'string' },
              rotateBytes: { type: 'integer' },
            },
          },
        ],
      },
      ...stored,
    },
  },
  PlacementDocument: placementDocumentSchema,
  ...proxyComponents,
  Event: {
    type: 'object',
    properties: {
      id: { type: 'integer', description: 'Grows; gaps are possible.' },
      at: { type: 'string', format: 'date-time' },
      term: { type: 'integer', description: 'Lease term of the leader that wrote it.' },
      kind: { type: 'string', description: 'Such as topic.create or placement.change.' },
      subject: { type: 'string' },
      data: { type: 'object' },
    },
  },
  ...operationComponents,
  ApplyResult: {
    type: 'object',
    properties: {
      dryRun: { type: 'boolean' },
      version: { type: 'integer' },
      changes: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            kind: { enum: ['Namespace', 'Cluster', 'Topic', 'Route'] },
            name: { type: 'string' },
            action: { enum: ['create', 'update', 'unchanged'] },
            changes: { type: 'array', items: { type: 'object' } },
            notes: { type: 'array', items: { type: 'string' } },
          },
        },
      },
    },
  },
  Brokers: {
    type: 'object',
    properties: {
      kafkaClusterId: { type: 'string' },
      notes: {
        type: 'array',
        items: { type: 'string' },
        description: 'What failover times its settings allow.',
      },
      brokers: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            id: { type: 'integer' },
            host: { type: 'string' },
            port: { type: 'integer' },
            rack: { type: 'string' },
          },
        },
      },
    },
  },
  Problem: {
    type: 'object',
    required: ['type', 'title', 'status', 'detail'],
    properties: {
      type: { enum: Object.keys(problems).map((name) => `urn:forebay:problem:${name}`) },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
    },
  },
} as const

export type ComponentName = keyof typeof components
