import type { FastifyInstance } from 'fastify'
import { addResource, type ResourceOptions } from './resources.ts'

/** `/v1/namespaces` */
export function namespaces(app: FastifyInstance, options: ResourceOptions): void {
  addResource(app, 'Namespace', options)
}
