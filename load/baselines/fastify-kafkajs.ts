import { Kafka, logLevel } from 'kafkajs'
import { quietNode24 } from '../verify/quiet.ts'
import { baselineOptions } from './options.ts'
import { serveBaseline } from './server.ts'

/** What one would write first: a send per request, its default partitioner, answered after the ack of the leader. */
const { port, bootstrap, topic } = baselineOptions()
quietNode24()
const producer = new Kafka({ brokers: bootstrap, logLevel: logLevel.ERROR }).producer({
  allowAutoTopicCreation: false,
})
await producer.connect()
await serveBaseline(port, (events) =>
  producer.send({ topic, acks: 1, messages: events.map((value) => ({ value })) }),
)
