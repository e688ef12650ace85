import { proxyReportSchema } from '../failover/report-schema.ts'

/** JSON Schemas of `/v1/proxies`. */
export const proxyComponents = {
  ProxyReport: proxyReportSchema,
  ProxyReportAnswer: {
    type: 'object',
    properties: {
      leaseMs: { type: 'integer', description: 'The proxy counts as live for so long after a report.' },
      version: { type: 'integer', description: 'Placement version of the last commit.' },
    },
  },
  Proxy: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      state: {
        enum: ['live', 'unheard', 'ended'],
        description:
          'unheard: known from the last leader, and its lease has not ended; ended: nothing was heard for a lease.',
      },
      instance: { type: 'string', description: 'Another one at each start of the proxy.' },
      since: { type: 'string', format: 'date-time' },
      reportAgeMs: { type: 'integer' },
      placement: proxyReportSchema.properties.placement,
    },
  },
} as const
