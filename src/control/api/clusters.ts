import type { FastifyInstance } from 'fastify'
import { Problem } from '../../core/problems.ts'
import type { ClusterHealth } from '../drive/health-board.ts'
import type { ClusterAdmins } from '../provision/clusters.ts'
import { failoverTimes } from '../provision/failover-times.ts'
import { addResource, type ResourceOptions } from './resources.ts'
import { nameParameter } from './schemas.ts'

export interface ClusterOptions extends ResourceOptions {
  readonly admins: ClusterAdmins
  /** `undefined`: it is not watched, or this replica does not lead. */
  readonly healthOf: (cluster: string) => ClusterHealth | undefined
}

const brokersDeadlineMs = 5000

/** `/v1/clusters` with what is seen of each and decided about it, and the brokers as the cluster says at this moment. */
export function clusters(app: FastifyInstance, options: ClusterOptions): void {
  addResource(app, 'Cluster', {
    ...options,
    more: (name) => {
      const health = options.healthOf(name)
      return health === undefined ? {} : { health }
    },
  })
  app.get<{ Params: { name: string } }>(
    '/v1/clusters/:name/brokers',
    {
      schema: { params: nameParameter },
      config: { openapi: { summary: 'Ask a cluster for its live brokers', gives: 'Brokers' } },
    },
    async ({ params: { name } }) => {
      const cluster = options.feed.get('Cluster', name)
      if (cluster === undefined) throw new Problem('not-found', `there is no cluster ${name}`)
      const described = await options.admins.describe(cluster.spec, brokersDeadlineMs)
      return { ...described, notes: await failoverTimes(options.admins, cluster.spec, described) }
    },
  )
  app.get<{ Params: { name: string } }>(
    '/v1/clusters/:name/health',
    {
      schema: { params: nameParameter },
      config: { openapi: { summary: 'What is seen of a cluster, and decided about it', gives: 'Health' } },
    },
    async ({ params: { name } }) => {
      if (options.feed.get('Cluster', name) === undefined)
        throw new Problem('not-found', `there is no cluster ${name}`)
      const health = options.healthOf(name)
      if (health === undefined)
        throw new Problem(
          'not-found',
          `${name} is not watched from here: fronting clusters are, by the leader`,
        )
      return health
    },
  )
}
