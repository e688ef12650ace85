import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { Clock } from '../../core/clock.ts'
import { Problem } from '../../core/problems.ts'
import { type ProxyReport, type ProxyReportAnswer, proxyIdPattern } from '../../core/proxy-report.ts'
import { proxyReportSchema } from '../failover/report-schema.ts'
import { viewRecord } from '../followers/follower-record.ts'
import type { ProxyView } from '../followers/known-proxy.ts'
import { addProxyMetrics } from '../followers/proxy-metrics.ts'
import type { ProxyRegister } from '../followers/proxy-register.ts'
import type { LeaseKeeper } from '../leadership/lease-keeper.ts'
import type { ControlStore } from '../store/control-store.ts'
import type { StateFeed } from '../store/state-feed.ts'
import { pageOf, pageQuery } from './page.ts'

export interface ProxyOptions {
  readonly register: ProxyRegister
  readonly store: Pick<ControlStore, 'followers'>
  readonly feed: StateFeed
  readonly keeper: Pick<LeaseKeeper, 'term' | 'authority'>
  readonly registry: Registry
  readonly clock: Clock
}

/** About 400 bytes a cluster and some for each broker; room for hundreds of clusters. */
const reportLimitBytes = 256 * 2 ** 10
/** A proxy waits no longer. */
const passOnTimeoutMs = 1000

const proxyParameter = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', pattern: proxyIdPattern.source } },
} as const

const isReport = new Ajv2020({ strict: false }).compile<ProxyReport>(proxyReportSchema)

/** `/v1/proxies`: who is alive and which placement they acknowledged, and the reports that say so. */
export function proxies(app: FastifyInstance, options: ProxyOptions): void {
  addProxyMetrics(options.registry, options.register, options.clock)
  addReports(app, options)
  app.get<{ Querystring: { limit: number; after?: string } }>(
    '/v1/proxies',
    {
      schema: { querystring: pageQuery },
      config: { openapi: { summary: 'List proxies by id', gives: 'Proxy', paged: true } },
    },
    async ({ query: { limit, after = '' } }) => {
      const found = (await listProxies(options)).filter(({ id }) => id > after)
      return pageOf(found, limit, ({ id }) => id)
    },
  )
}

/**
 * Hundreds a second: nothing is written here, and no change of the state is made. Only the leader hears them; a standby passes them on.
 */
function addReports(app: FastifyInstance, { register, feed, keeper, clock }: ProxyOptions): void {
  const { leaseMs } = register
  // fastify's own looks for names such as __proto__, which costs more than all the rest; nothing is copied out of a report by name.
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string | Buffer) => parse(String(body)),
  )
  let answered = -1
  let answer = ''
  app.post<{ Params: { id: string } }>(
    '/v1/proxies/:id/report',
    {
      bodyLimit: reportLimitBytes,
      schema: { params: proxyParameter, body: proxyReportSchema },
      config: {
        openapi: {
          summary: 'What a proxy did in the last second',
          takes: 'ProxyReport',
          gives: 'ProxyReportAnswer',
        },
        passOn: { timeoutMs: passOnTimeoutMs, changesState: false },
      },
    },
    async ({ params, body }, reply) => {
      if (keeper.term === undefined) keeper.authority({ actor: 'proxy' })
      if (!isReport(body)) {
        const [error] = isReport.errors ?? []
        throw new Problem('invalid-document', `${error?.instancePath || 'the report'} ${error?.message}`)
      }
      if (register.take(params.id, body, clock.monotonicMs()) === 'full')
        throw new Problem('too-many-proxies', 'no more proxies are remembered')
      const { version } = feed.current.document
      if (version !== answered) {
        answered = version
        answer = JSON.stringify({ leaseMs, version } satisfies ProxyReportAnswer)
      }
      reply.header('content-type', 'application/json; charset=utf-8')
      return answer
    },
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Problem('malformed-request', `the body is not JSON: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** A standby shows what the leader has stored, up to half a lease old. */
async function listProxies({ register, store, keeper, clock }: ProxyOptions): Promise<readonly ProxyView[]> {
  if (keeper.term !== undefined) return register.list(clock.monotonicMs())
  const records = await store.followers()
  return records
    .flatMap((record) => viewRecord(record, clock.wallMs(), register.leaseMs) ?? [])
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}
