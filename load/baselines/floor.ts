import { baselineOptions } from './options.ts'
import { baselineApp } from './server.ts'

/** The floor: fastify that only buffers the body and answers. */
const app = baselineApp()
app.post('/v1/topics/:topic/events', async (_request, reply) => reply.code(202).send({ accepted: 1 }))
await app.listen({ host: '127.0.0.1', port: baselineOptions().port })
