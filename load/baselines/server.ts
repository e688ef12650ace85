import Fastify from 'fastify'

/**
 * What every baseline has in common: fastify that buffers an NDJSON body as it would by default and hands its lines to `produce`, then
 * answers like Forebay. No parsing and no checks: less work than Forebay does, so that the comparison errs in the baseline's favour.
 */
export async function serveBaseline(
  port: number,
  produce: (lines: Buffer[]) => Promise<unknown> | undefined,
): Promise<void> {
  const app = Fastify({ bodyLimit: 32 * 2 ** 20, logger: false })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.get('/readyz', async () => ({ ready: true }))
  app.post('/v1/topics/:topic/events', async (request, reply) => {
    const lines = linesOf(request.body as Buffer)
    await produce(lines)
    return reply.code(200).send({ accepted: lines.length })
  })
  await app.listen({ host: '127.0.0.1', port })
}

function linesOf(body: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let start = 0
  for (let end = body.indexOf(10); end !== -1; end = body.indexOf(10, start)) {
    lines.push(body.subarray(start, end))
    start = end + 1
  }
  return lines
}
