import { fileURLToPath } from 'node:url'
import type { LoadTarget } from '../generator/load-counts.ts'
import { BackgroundLoad } from './background-load.ts'
import type { Bench } from './bench.ts'
import { freePorts } from './kafka.ts'
import { ServerProcess } from './server-process.ts'
import { createTopic } from './topics.ts'

export type Role = 'forebay' | 'kafkajs' | 'platformatic' | 'floor' | 'peer'

/** One server under the same load as the others. */
export interface Contender {
  readonly name: string
  readonly role: Role
  readonly pid: number
  readonly target: LoadTarget
  readonly path: string
  /** Where its events go; `undefined` for the floor and for peers. */
  readonly topic: string | undefined
  /** What the brokers are given while this one is measured, as it gives them nothing itself. */
  readonly background: BackgroundLoad | undefined
  stop(): Promise<void>
}

export const partitions = 6

const baselines = [
  { name: 'fastify + kafkajs', role: 'kafkajs' },
  { name: 'fastify + @platformatic/kafka', role: 'platformatic' },
] as const

/** Forebay's proxy first, then the baselines and the peers, each ready, each with a topic `<prefix>-<role>` of its own. */
export async function startContenders(bench: Bench, prefix: string): Promise<Contender[]> {
  const own = [
    startForebay(bench, prefix),
    ...baselines.map((baseline) => startBaseline(bench, prefix, baseline)),
    startFloor(bench, prefix),
  ]
  return [
    ...(await Promise.all(own)),
    ...bench.options.peers.map(
      ({ name, address, path, pid }): Contender => ({
        ...{ name, role: 'peer', pid, path, topic: undefined, background: undefined },
        target: { address, saysAccepted: false },
        stop: async () => undefined,
      }),
    ),
  ]
}

/** A proxy of its own with one topic. */
export async function startForebay(
  { forebay }: Bench,
  prefix: string,
  delivery: 'fast' | 'durable' = 'fast',
): Promise<Contender> {
  const topic = `${prefix}-forebay-${delivery}`
  await forebay.apply([{ kind: 'Topic', name: topic, owner: 'bench', delivery, partitions }])
  const [port = 0] = await freePorts(1)
  const server = await forebay.run('proxy', port)
  return contender(server, {
    name: `forebay proxy${delivery === 'fast' ? '' : ', durable'}`,
    role: 'forebay',
    port,
    topic,
  })
}

/** Fastify that only buffers bodies, with the load of a background producer on the brokers. */
export async function startFloor(bench: Bench, prefix: string): Promise<Contender> {
  const background = await BackgroundLoad.start(bench, `${prefix}-background`, 1)
  const { server, port } = await startServer(bench, 'floor', 'floor', [])
  return contender(server, { name: 'floor (fastify, body only)', role: 'floor', port, background })
}

async function startBaseline(
  bench: Bench,
  prefix: string,
  { name, role }: (typeof baselines)[number],
): Promise<Contender> {
  const { kafka } = bench
  const topic = `${prefix}-${role}`
  await createTopic(kafka.fronting, topic, { partitions, replicas: Math.min(2, kafka.fronting.length) })
  const to = ['--bootstrap', kafka.fronting.join(','), '--topic', topic]
  const { server, port } = await startServer(bench, name, `fastify-${role}`, to)
  return contender(server, { name, role, port, topic })
}

async function startServer({ pinning }: Bench, name: string, file: string, args: readonly string[]) {
  const [port = 0] = await freePorts(1)
  const path = fileURLToPath(new URL(`../baselines/${file}.ts`, import.meta.url))
  const command = [process.execPath, path, '--port', String(port), ...args]
  const server = new ServerProcess(name, [...pinning.serverPrefix, ...command])
  await server.ready(`http://127.0.0.1:${port}/readyz`)
  return { server, port }
}

function contender(
  server: ServerProcess,
  {
    topic,
    background,
    port,
    ...rest
  }: { name: string; role: Role; port: number; topic?: string; background?: BackgroundLoad },
): Contender {
  return {
    ...rest,
    ...{ topic, background, pid: server.pid, path: `/v1/topics/${topic ?? 'floor'}/events` },
    target: { address: { host: '127.0.0.1', port }, saysAccepted: topic !== undefined },
    stop: async () => {
      await Promise.all([server.stop(), background?.stop()])
    },
  }
}
