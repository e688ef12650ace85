import type { FastifyInstance } from 'fastify'
import { addMoves, type MoveOptions } from './moves.ts'

/** `/v1/failbacks`: from the standby home. */
export function failbacks(app: FastifyInstance, options: MoveOptions): void {
  addMoves(app, 'failback', options)
}
