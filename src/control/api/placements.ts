import type { FastifyInstance } from 'fastify'
import type { StateFeed } from '../store/state-feed.ts'
import { placementQuery } from './schemas.ts'

/**
 * `GET /v1/placements`: the document; with `after` and `wait` a long-poll that is answered when there is something newer. A follower
 * whose ETag is not ours (another store, another term) is answered at once, so that it learns of it.
 */
export function placements(app: FastifyInstance, { feed }: { feed: StateFeed }): void {
  app.get<{ Querystring: { after?: number; wait: number } }>(
    '/v1/placements',
    {
      schema: { querystring: placementQuery },
      config: { openapi: { summary: 'Which topic lives where', gives: 'PlacementDocument' } },
    },
    async (request, reply) => {
      const { after, wait } = request.query
      const known = request.headers['if-none-match']
      const hasNews = () => {
        const { document, etag } = feed.current
        if (known !== undefined) return known !== etag
        return after === undefined || document.version > after
      }
      if (!hasNews() && wait > 0) {
        const gone = new AbortController()
        // Of the answer, not of the request: a request is closed as soon as it has been read.
        reply.raw.once('close', () => gone.abort())
        await feed.until(hasNews, wait * 1000, gone.signal)
      }
      const { etag, body } = feed.current
      reply.header('etag', etag).header('cache-control', 'no-store')
      if (!hasNews()) return reply.code(304).send()
      return reply.type('application/json; charset=utf-8').send(body)
    },
  )
}
