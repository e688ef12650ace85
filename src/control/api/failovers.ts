import type { FastifyInstance } from 'fastify'
import { addMoves, type MoveOptions } from './moves.ts'

/** `/v1/failovers`: from a cluster to its standby. */
export function failovers(app: FastifyInstance, options: MoveOptions): void {
  addMoves(app, 'failover', options)
}
