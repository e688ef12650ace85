import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { verdictOf } from '../../test/support/fault-checker.ts'
import { FaultLoad } from '../../test/support/fault-load.ts'
import type { OutageCluster } from '../../test/support/outage-cluster.ts'
import { freePorts } from '../bench/kafka.ts'
import { ServerProcess } from '../bench/server-process.ts'
import { createTopic } from '../bench/topics.ts'
import type { OutageBenchOptions } from './options.ts'
import { clientSide, type OutageResult } from './result.ts'

export const baselines = ['fastify-kafkajs', 'fastify-platformatic'] as const

const names: Readonly<Record<(typeof baselines)[number], string>> = {
  'fastify-kafkajs': 'fastify + kafkajs',
  'fastify-platformatic': 'fastify + @platformatic/kafka',
}

/** The same outage under as many servers of a baseline, at the same rate, on one topic whose replicas outlive one broker. */
export async function baselineOutage(
  fronting: OutageCluster,
  baseline: (typeof baselines)[number],
  run: number,
  { fault, eventsPerSecond, downSeconds, proxies }: OutageBenchOptions,
): Promise<OutageResult> {
  const { bootstrap } = fronting
  const topic = `bench.outage.${baseline}.${process.pid}.${run}`
  await createTopic(bootstrap, topic, { partitions: 6, replicas: 2 })
  const ports = await freePorts(proxies)
  const script = fileURLToPath(new URL(`../baselines/${baseline}.ts`, import.meta.url))
  const servers = ports.map((port) => {
    const args = ['--port', String(port), '--bootstrap', bootstrap.join(','), '--topic', topic]
    return new ServerProcess(`${baseline} on ${port}`, [process.execPath, script, ...args])
  })
  const loads: FaultLoad[] = []
  try {
    await Promise.all(servers.map((server, index) => server.ready(`http://127.0.0.1:${ports[index]}/readyz`)))
    const requestsPerSecond = eventsPerSecond / (20 * proxies)
    const shape = { topic, requestsPerSecond, eventsPerRequest: 20, eventBytes: 300, connections: 256 }
    for (const port of ports) loads.push(new FaultLoad({ url: `http://127.0.0.1:${port}`, ...shape }))
    await sleep(5000)
    const faultMs = performance.now()
    await (fault === 'kill' ? fronting.kill() : fronting.pause())
    await sleep(downSeconds * 1000)
    await fronting.heal()
    const toMs = performance.now() + 5000
    await sleep(5000)
    // What a server still tries is given up after a while, as a client would.
    await Promise.race([Promise.all(loads.map((load) => load.stop())), sleep(30_000)])
    await Promise.all(loads.map((load) => load.abort()))
    const during = loads.flatMap((load) => load.between(faultMs, toMs))
    const { lost, duplicates } = await verdictOf(bootstrap, topic, loads)
    return { name: names[baseline], run, ...clientSide(during, during, faultMs), lost, duplicates }
  } finally {
    await Promise.all(loads.map((load) => load.abort()))
    await Promise.all(servers.map((server) => server.stop()))
  }
}
