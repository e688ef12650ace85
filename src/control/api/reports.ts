import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../core/clock.ts'
import { Problem } from '../../core/problems.ts'
import { type ProxyReport, type ProxyReportAnswer, proxyIdPattern } from '../../core/proxy-report.ts'
import { proxyReportSchema } from '../failover/report-schema.ts'
import type { ProxyRegister } from '../followers/proxy-register.ts'
import type { LeaseKeeper } from '../leadership/lease-keeper.ts'
import type { StateFeed } from '../store/state-feed.ts'

export interface ReportOptions {
  readonly register: ProxyRegister
  readonly feed: Pick<StateFeed, 'current'>
  readonly keeper: Pick<LeaseKeeper, 'term' | 'authority'>
  readonly clock: Clock
}

export const reportRoute = '/v1/proxies/:id/report'
/** About 400 bytes a cluster and some for each broker; room for hundreds of clusters. */
const reportLimitBytes = 256 * 2 ** 10
/** A proxy waits no longer. */
const passOnTimeoutMs = 1000

const proxyParameter = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', pattern: proxyIdPattern.source } },
} as const

const validate = new Ajv2020({ strict: false }).compile<ProxyReport>(proxyReportSchema)

export function isReport(value: unknown): value is ProxyReport {
  return validate(value)
}

/** What a report is answered with: JSON, made once for each version of the placement. */
export function reportAnswers({ register, feed }: Pick<ReportOptions, 'register' | 'feed'>): () => string {
  let answered = -1
  let answer = ''
  return () => {
    const { version } = feed.current.document
    if (version !== answered) {
      answered = version
      answer = JSON.stringify({ leaseMs: register.leaseMs, version } satisfies ProxyReportAnswer)
    }
    return answer
  }
}

/**
 * `POST /v1/proxies/{id}/report`. Hundreds a second: nothing is written here, and no change of the state is made. Only the leader hears
 * them; a standby passes them on. Most never come here: see `answerPacketReports`.
 */
export function reports(app: FastifyInstance, options: ReportOptions): void {
  const { register, keeper, clock } = options
  const answer = reportAnswers(options)
  // fastify's own looks for names such as __proto__, which costs more than all the rest; nothing is copied out of a report by name.
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string | Buffer) => parse(String(body)),
  )
  app.post<{ Params: { id: string } }>(
    reportRoute,
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
        const [error] = validate.errors ?? []
        throw new Problem('invalid-document', `${error?.instancePath || 'the report'} ${error?.message}`)
      }
      if (register.take(params.id, body, clock.monotonicMs()) === 'full')
        throw new Problem('too-many-proxies', 'no more proxies are remembered')
      reply.header('content-type', 'application/json; charset=utf-8')
      return answer()
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
