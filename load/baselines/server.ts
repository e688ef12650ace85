import Fastify, { type FastifyInstance } from 'fastify'

/** Fastify that buffers bodies as it would by default, whatever their media type. */
export function baselineApp(): FastifyInstance {
  const app = Fastify({ bodyLimit: 32 * 2 ** 20, logger: false })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.get('/readyz', async () => ({ ready: true }))
  return app
}

/**
 * What every baseline has in common: the events of a body are handed to `produce`, then it answers like Forebay. NDJSON is cut at line
 * breaks and a single event taken as it is, without parsing and checks: less work than Forebay does, so that the comparison errs in the
 * baseline's favour. The elements of a JSON array can be had only by parsing it, and each is made text again.
 */
export async function serveBaseline(
  port: number,
  produce: (events: Buffer[]) => Promise<unknown>,
): Promise<void> {
  const app = baselineApp()
  app.post('/v1/topics/:topic/events', async (request, reply) => {
    const body = request.body as Buffer
    const events = request.headers['content-type'] === 'application/x-ndjson' ? linesOf(body) : valuesOf(body)
    await produce(events)
    return reply.code(200).send({ accepted: events.length })
  })
  await app.listen({ host: '127.0.0.1', port })
}

function valuesOf(body: Buffer): Buffer[] {
  if (body[0] !== openBracket) return [body]
  return (JSON.parse(body.toString()) as unknown[]).map((value) => Buffer.from(JSON.stringify(value)))
}

const openBracket = 0x5b

function linesOf(body: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let start = 0
  for (let end = body.indexOf(10); end !== -1; end = body.indexOf(10, start)) {
    lines.push(body.subarray(start, end))
    start = end + 1
  }
  return lines
}
