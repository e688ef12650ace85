import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { Clock } from '../../core/clock.ts'
import { viewRecord } from '../followers/follower-record.ts'
import type { ProxyView } from '../followers/known-proxy.ts'
import { addProxyMetrics } from '../followers/proxy-metrics.ts'
import type { ProxyRegister } from '../followers/proxy-register.ts'
import type { LeaseKeeper } from '../leadership/lease-keeper.ts'
import type { ControlStore } from '../store/control-store.ts'
import { pageOf, pageQuery } from './page.ts'

export interface ProxyOptions {
  readonly register: ProxyRegister
  readonly store: Pick<ControlStore, 'followers'>
  readonly keeper: Pick<LeaseKeeper, 'term'>
  readonly registry: Registry
  readonly clock: Clock
}

/** `GET /v1/proxies`: who is alive and which placement they acknowledged. */
export function proxies(app: FastifyInstance, options: ProxyOptions): void {
  addProxyMetrics(options.registry, options.register, options.clock)
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

/** A standby shows what the leader has stored, up to half a lease old. */
async function listProxies({ register, store, keeper, clock }: ProxyOptions): Promise<readonly ProxyView[]> {
  if (keeper.term !== undefined) return register.list(clock.monotonicMs())
  const records = await store.followers()
  return records
    .flatMap((record) => viewRecord(record, clock.wallMs(), register.leaseMs) ?? [])
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}
