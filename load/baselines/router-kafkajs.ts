import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { quietNode24 } from '../verify/quiet.ts'

/**
 * The loop that one would write first: a consumer whose batches are sent on by a producer, partition by partition. Lines on stdin:
 * `pause`, `resume`; starts paused and says `ready`.
 */
const { values } = parseArgs({
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    topic: { type: 'string' },
    target: { type: 'string' },
  },
})
const { from = '', to = '', topic = '', target = '' } = values
quietNode24()
const kafkaAt = (bootstrap: string) => new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.ERROR })
const producer = kafkaAt(to).producer({ allowAutoTopicCreation: false })
const consumer = kafkaAt(from).consumer({
  groupId: `baseline-${target}`,
  allowAutoTopicCreation: false,
  // A paused consumer looks again only after this.
  maxWaitTimeInMs: 200,
})
await Promise.all([producer.connect(), consumer.connect()])
await consumer.subscribe({ topics: [topic], fromBeginning: true })
const joined = new Promise<void>((resolve) => {
  consumer.on(consumer.events.GROUP_JOIN, () => resolve())
})
await consumer.run({
  eachBatch: async ({ batch: { partition, messages } }) => {
    const copies = messages.map(({ key, value, headers }) => ({
      key,
      value,
      partition,
      ...(headers === undefined ? {} : { headers }),
    }))
    await producer.send({ topic: target, acks: -1, messages: copies })
  },
})
consumer.pause([{ topic }])
await joined
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'pause') consumer.pause([{ topic }])
  if (line === 'resume') consumer.resume([{ topic }])
})
console.log('ready')
