import { fileURLToPath } from 'node:url'
import type { BenchForebay } from '../bench/forebay.ts'
import { type BenchKafka, freePorts } from '../bench/kafka.ts'
import { ServerProcess } from '../bench/server-process.ts'
import { createTopic } from '../bench/topics.ts'

/** One way of carrying a topic from the fronting to the consumer cluster; paused until it is resumed. */
export interface Carrier {
  readonly name: string
  readonly server: ServerProcess
  /** In the consumer cluster. */
  readonly target: string
  resume(): Promise<void>
  pause(): Promise<void>
}

export const routedPartitions = 6

/** The router's pass-through route and the loop of a kafkajs consumer and producer, both from `topic`. */
export async function startCarriers(
  forebay: BenchForebay,
  kafka: BenchKafka,
  { topic, serverPrefix }: { topic: string; serverPrefix: readonly string[] },
): Promise<Carrier[]> {
  const route = `${topic}.kafka`
  await forebay.apply([{ kind: 'Route', name: route, topic, sink: { type: 'kafka' } }])
  const say = (verb: 'pause' | 'resume') => async () => {
    await forebay.client.call('POST', `/v1/routes/${encodeURIComponent(route)}/${verb}`)
  }
  await say('pause')()
  const [port = 0] = await freePorts(1)
  const router = await forebay.run('router', port)
  return [
    { name: 'forebay router', server: router, target: topic, resume: say('resume'), pause: say('pause') },
    await kafkajsLoop(kafka, topic, serverPrefix),
  ]
}

async function kafkajsLoop(
  kafka: BenchKafka,
  topic: string,
  serverPrefix: readonly string[],
): Promise<Carrier> {
  const target = `${topic}-kafkajs`
  await createTopic(kafka.consumer, target, { partitions: routedPartitions, replicas: 1 })
  const file = fileURLToPath(new URL('../baselines/router-kafkajs.ts', import.meta.url))
  const from = ['--from', kafka.fronting.join(','), '--topic', topic]
  const to = ['--to', kafka.consumer.join(','), '--target', target]
  const name = 'kafkajs consumer + producer'
  const server = new ServerProcess(name, [...serverPrefix, process.execPath, file, ...from, ...to])
  await server.ready()
  const say = (line: string) => async () => server.say(line)
  return { name, server, target, resume: say('resume'), pause: say('pause') }
}
