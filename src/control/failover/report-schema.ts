/** No proxy has a producer for more clusters than this, nor a cluster more brokers (plan.ts). */
const maxClusters = 1000
const maxBrokers = 200

const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
const durationMs = { type: 'number', minimum: 0, maximum: 1e12 } as const
const name = { type: 'string', minLength: 1, maxLength: 260 } as const

const broker = {
  type: 'object',
  required: ['id', 'acked', 'failed', 'open', 'queuedBytes'],
  properties: {
    id: { type: 'integer', minimum: -1, maximum: 2 ** 31 - 1 },
    acked: count,
    failed: count,
    open: { type: 'boolean' },
    queuedBytes: count,
    p99Ms: durationMs,
  },
} as const

const cluster = {
  type: 'object',
  required: ['cluster', 'acked', 'failed', 'dropped', 'waiting', 'oldestWaitMs', 'brokers'],
  properties: {
    cluster: name,
    acked: count,
    failed: count,
    dropped: count,
    waiting: count,
    oldestWaitMs: durationMs,
    p99Ms: durationMs,
    brokers: { type: 'array', maxItems: maxBrokers, items: broker },
  },
} as const

/**
 * JSON Schema 2020-12 of `ProxyReport`, for the endpoint and its OpenAPI. Unknown members are let through, so that a newer proxy can
 * report to an older control plane.
 */
export const proxyReportSchema = {
  type: 'object',
  required: ['instance', 'sequence', 'windowMs', 'clusters'],
  properties: {
    instance: { type: 'string', minLength: 1, maxLength: 100 },
    sequence: count,
    windowMs: durationMs,
    placement: {
      type: 'object',
      required: ['storeId', 'leaseTerm', 'version', 'settledVersion'],
      properties: {
        storeId: { type: 'string', minLength: 1, maxLength: 100 },
        leaseTerm: count,
        version: count,
        settledVersion: count,
      },
    },
    clusters: { type: 'array', maxItems: maxClusters, items: cluster },
  },
} as const
