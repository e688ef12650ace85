import { baselineOptions } from './options.ts'
import { serveBaseline } from './server.ts'

/** The floor: fastify that only buffers the body and finds the lines. */
await serveBaseline(baselineOptions().port, () => undefined)
