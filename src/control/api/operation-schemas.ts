import { pageQuery } from './page.ts'

/** JSON Schemas of what the API takes and says of failovers, failbacks and freezes. */

const nameText = { type: 'string', minLength: 1, maxLength: 260 } as const
const reasonText = {
  type: 'string',
  minLength: 1,
  maxLength: 1000,
  description: 'Why, for the audit log.',
} as const

/** Body of `POST /v1/failovers` and, without `planned`, of `POST /v1/failbacks`. */
export const moveSchema = {
  type: 'object',
  required: ['cluster', 'reason'],
  additionalProperties: false,
  properties: {
    cluster: nameText,
    topics: {
      type: 'array',
      minItems: 1,
      maxItems: 10_000,
      items: nameText,
      description: 'Full names; absent: every topic of the cluster.',
    },
    reason: reasonText,
    dryRun: {
      type: 'boolean',
      default: false,
      description: 'A drill: checks every step and changes nothing.',
    },
    planned: {
      type: 'boolean',
      description:
        'Failovers only: the cluster is well, so lose and double nothing. Default: as the watch sees it.',
    },
  },
} as const

/** Body of `PUT /v1/freeze`. */
export const freezeSchema = {
  type: 'object',
  required: ['reason'],
  additionalProperties: false,
  properties: { cluster: { ...nameText, description: 'Absent: all.' }, reason: reasonText },
} as const

export const cancelSchema = {
  type: 'object',
  required: ['reason'],
  additionalProperties: false,
  properties: { reason: reasonText },
} as const

export const planQuery = {
  type: 'object',
  required: ['cluster'],
  properties: {
    cluster: nameText,
    topics: { type: 'string', maxLength: 100_000, description: 'Separated by commas; absent: all.' },
    planned: { type: 'boolean' },
  },
} as const

export const operationQuery = {
  type: 'object',
  properties: {
    ...pageQuery.properties,
    limit: { ...pageQuery.properties.limit, maximum: 999 },
    open: { type: 'boolean', default: false, description: 'Only those that have not ended.' },
    cluster: nameText,
  },
} as const

export const unfreezeQuery = {
  type: 'object',
  required: ['reason'],
  properties: { cluster: { ...nameText, description: 'Absent: all.' }, reason: reasonText },
} as const

const time = { type: 'string', format: 'date-time' } as const
const names = { type: 'array', items: { type: 'string' } } as const
const left = {
  type: 'array',
  items: { type: 'object', properties: { topic: { type: 'string' }, why: { type: 'string' } } },
} as const

const step = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    state: { enum: ['waiting', 'running', 'done', 'failed', 'dropped'] },
    topics: { type: 'integer', description: 'Of its batch; absent where it is for all.' },
    attempts: { type: 'integer', description: 'Failed ones so far.' },
    startedAt: time,
    endedAt: time,
    tookMs: { type: 'number' },
    why: { type: 'string', description: 'Of the last failure.' },
    waiting: { type: 'string', description: 'What it waits for just now; only the leader knows.' },
    found: { type: 'string' },
  },
} as const

/** Parts of `components.schemas`: what the API says of failovers and what decides about them (core/operations.ts). */
export const operationComponents = {
  MoveRequest: moveSchema,
  FreezeRequest: freezeSchema,
  CancelRequest: cancelSchema,
  Operation: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      kind: { enum: ['failover', 'failback'] },
      cluster: { type: 'string' },
      standby: { type: 'string' },
      state: { enum: ['running', 'undoing', 'done', 'undone'] },
      dryRun: { type: 'boolean' },
      automatic: { type: 'boolean' },
      planned: { type: 'boolean' },
      actor: { type: 'string' },
      reason: { type: 'string' },
      undoReason: { type: 'string' },
      createdAt: time,
      endedAt: time,
      tookMs: { type: 'number' },
      running: { ...names, description: 'Names of the steps that run.' },
      term: { type: 'integer', description: 'Lease term of the leader that drives it.' },
      topics: {
        type: 'object',
        properties: { total: { type: 'integer' }, moved: { type: 'integer' }, finished: { type: 'integer' } },
      },
      batches: { type: 'object', properties: { total: { type: 'integer' }, moved: { type: 'integer' } } },
      steps: { type: 'array', items: step },
      left,
      notes: names,
      passed: { type: 'boolean', description: 'Drills that have ended: every step passed.' },
      final: { type: 'string', description: 'Why it cannot be taken back; absent: it can.' },
    },
  },
  Plan: {
    type: 'object',
    properties: {
      kind: { enum: ['failover', 'failback'] },
      cluster: { type: 'string' },
      standby: { type: 'string' },
      planned: { type: 'boolean' },
      batches: {
        type: 'array',
        items: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              topic: { type: 'string' },
              partitions: { type: 'integer' },
              recordsPerSecond: { type: 'number' },
            },
          },
        },
      },
      left,
      notes: names,
      problems: { ...names, description: 'Why it cannot begin; empty: it can.' },
    },
  },
  Freeze: {
    type: 'object',
    properties: {
      cluster: { type: 'string', description: 'Absent: all.' },
      actor: { type: 'string' },
      reason: { type: 'string' },
      at: time,
    },
  },
  Health: {
    type: 'object',
    properties: {
      state: { enum: ['home', 'moving', 'away', 'returning'] },
      decision: {
        type: 'object',
        properties: {
          action: { enum: ['none', 'suspect', 'hold', 'fail-over', 'cancel', 'reverse', 'fail-back'] },
          why: { type: 'string' },
          since: time,
        },
      },
      scores: { type: 'object', properties: { proxies: { type: 'integer' }, watch: { type: 'integer' } } },
      rounds: { type: 'array', items: { type: 'object' } },
      standby: { type: 'object', properties: { name: { type: 'string' }, unusable: { type: 'string' } } },
    },
  },
} as const
