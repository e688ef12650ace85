import type { FastifyInstance } from 'fastify'
import { Problem } from '../../core/problems.ts'
import type { ClusterAdmins } from '../provision/clusters.ts'
import { addResource, type ResourceOptions } from './resources.ts'
import { nameParameter } from './schemas.ts'

export interface ClusterOptions extends ResourceOptions {
  readonly admins: ClusterAdmins
}

const brokersDeadlineMs = 5000

/** `/v1/clusters`, and the brokers of each as the cluster says at this moment. */
export function clusters(app: FastifyInstance, options: ClusterOptions): void {
  addResource(app, 'Cluster', options)
  app.get<{ Params: { name: string } }>(
    '/v1/clusters/:name/brokers',
    {
      schema: { params: nameParameter },
      config: { openapi: { summary: 'Ask a cluster for its live brokers', gives: 'Brokers' } },
    },
    async ({ params: { name } }) => {
      const cluster = options.feed.get('Cluster', name)
      if (cluster === undefined) throw new Problem('not-found', `there is no cluster ${name}`)
      return options.admins.describe(cluster.spec, brokersDeadlineMs)
    },
  )
}
