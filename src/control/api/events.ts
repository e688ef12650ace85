import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ControlStore } from '../store/control-store.ts'
import type { StoredEvent } from '../store/records.ts'
import type { StateFeed } from '../store/state-feed.ts'
import { eventQuery } from './schemas.ts'

export interface EventOptions {
  readonly store: Pick<ControlStore, 'events'>
  readonly feed: StateFeed
}

interface EventRequest {
  Querystring: { after?: number; limit: number; wait: number }
}

/** Under the idle time of common load balancers. */
const keepAliveMs = 15_000

/**
 * `GET /v1/events`: everything that changed, in order. JSON pages, with `wait` as a long-poll; with `Accept: text/event-stream` a stream
 * that begins after `Last-Event-ID` or `after`, else with what happens next.
 */
export function events(app: FastifyInstance, options: EventOptions): void {
  app.get<EventRequest>(
    '/v1/events',
    {
      schema: { querystring: eventQuery },
      config: { openapi: { summary: 'Everything that changed, in order', gives: 'Event', paged: true } },
    },
    async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      if (request.headers.accept?.includes('text/event-stream')) {
        await stream(request, reply, options, gone.signal)
        return reply
      }
      return page(request, reply, options, gone.signal)
    },
  )
}

async function page(
  { query: { after = 0, limit, wait } }: FastifyRequest<EventRequest>,
  reply: FastifyReply,
  { store, feed }: EventOptions,
  gone: AbortSignal,
) {
  await feed.until(() => feed.position.lastEvent > after, wait * 1000, gone)
  const items = await store.events(after, limit)
  reply.header('cache-control', 'no-store')
  return { items, next: String(items.at(-1)?.id ?? after) }
}

async function stream(
  { headers, query, id }: FastifyRequest<EventRequest>,
  reply: FastifyReply,
  { store, feed }: EventOptions,
  gone: AbortSignal,
): Promise<void> {
  let after = Number(headers['last-event-id'] ?? query.after ?? feed.position.lastEvent)
  if (!Number.isSafeInteger(after)) after = feed.position.lastEvent
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'forebay-request-id': id,
  })
  raw.write('retry: 1000\n\n')
  while (!gone.aborted && !feed.draining) {
    const found = await store.events(after, query.limit).catch(() => undefined)
    // The store is away: the client comes again, with the id of the last event that it got.
    if (found === undefined) break
    const text = found.map(asMessage).join('')
    after = found.at(-1)?.id ?? after
    const isFlushed = raw.write(text === '' ? ': still here\n\n' : text)
    if (!isFlushed) await new Promise((resolve) => raw.once('drain', resolve).once('close', resolve))
    await feed.until(() => feed.position.lastEvent > after, keepAliveMs, gone)
  }
  raw.end()
}

function asMessage(event: StoredEvent): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`
}
