import type { FastifyInstance } from 'fastify'
import { addResource, type ResourceOptions } from './resources.ts'

/** `/v1/topics` */
export function topics(app: FastifyInstance, options: ResourceOptions): void {
  addResource(app, 'Topic', options)
}
