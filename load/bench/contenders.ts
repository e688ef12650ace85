import { fileURLToPath } from 'node:url'
import type { BenchForebay } from './forebay.ts'
import { type BenchKafka, freePorts } from './kafka.ts'
import { ServerProcess } from './server-process.ts'
import { createTopic } from './topics.ts'

/** One server under the same load as the others. */
export interface Contender {
  readonly name: string
  readonly server: ServerProcess
  readonly port: number
  /** Where its events go; `undefined` for the floor. */
  readonly topic: string | undefined
}

const partitions = 6

const baselines = [
  { name: 'fastify + kafkajs', file: 'fastify-kafkajs', topic: 'kafkajs' },
  { name: 'fastify + @platformatic/kafka', file: 'fastify-platformatic', topic: 'platformatic' },
  { name: 'floor (fastify, body only)', file: 'floor', topic: undefined },
] as const

/** Forebay's proxy first, then the baselines, each started and ready, each with a topic of its own. */
export async function startContenders(
  forebay: BenchForebay,
  kafka: BenchKafka,
  { prefix, serverPrefix, replicas }: { prefix: string; serverPrefix: readonly string[]; replicas: number },
): Promise<Contender[]> {
  const ports = await freePorts(baselines.length + 1)
  const topic = `${prefix}-forebay`
  await forebay.apply([{ kind: 'Topic', name: topic, owner: 'bench', delivery: 'fast', partitions }])
  const [port = 0] = ports
  const contenders: Contender[] = [
    { name: 'forebay proxy', server: await forebay.run('proxy', port), port, topic },
  ]
  for (const [index, baseline] of baselines.entries()) {
    const at = ports[index + 1] ?? 0
    const own = baseline.topic === undefined ? undefined : `${prefix}-${baseline.topic}`
    if (own !== undefined) await createTopic(kafka.fronting, own, { partitions, replicas })
    const file = fileURLToPath(new URL(`../baselines/${baseline.file}.ts`, import.meta.url))
    const args = ['--port', String(at), '--bootstrap', kafka.fronting.join(','), '--topic', own ?? '']
    const server = new ServerProcess(baseline.name, [...serverPrefix, process.execPath, file, ...args])
    await server.ready(`http://127.0.0.1:${at}/readyz`)
    contenders.push({ name: baseline.name, server, port: at, topic: own })
  }
  return contenders
}
