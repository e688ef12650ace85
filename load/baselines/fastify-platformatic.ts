import { Producer } from '@platformatic/kafka'
import { baselineOptions } from './options.ts'
import { serveBaseline } from './server.ts'

/** The same with the client that Forebay's connections come from: its own producer, one send per request. */
const { port, bootstrap, topic } = baselineOptions()
const producer = new Producer({ clientId: 'baseline', bootstrapBrokers: bootstrap, acks: 1 })
await serveBaseline(port, (events) =>
  producer.send({ acks: 1, messages: events.map((value) => ({ topic, value })) }),
)
