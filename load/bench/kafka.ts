import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import type { BenchOptions } from './options.ts'

export interface BenchKafka {
  readonly fronting: readonly string[]
  readonly consumer: readonly string[]
  stop(): Promise<void>
}

/** Two clusters of its own, deleted afterwards; or those that were named. */
export async function benchKafka(options: BenchOptions, say: (line: string) => void): Promise<BenchKafka> {
  const { fronting, consumer, brokers } = options
  if (fronting !== undefined && consumer !== undefined) {
    return { fronting, consumer, stop: async () => undefined }
  }
  const folder = mkdtempSync(join(tmpdir(), 'forebay-bench-'))
  const clusters = await Promise.all([
    newCluster('fronting', brokers, folder, say),
    newCluster('consumer', 1, folder, say),
  ])
  const killNow = () => {
    for (const cluster of clusters) cluster.killNow()
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', killNow)
  await Promise.all(clusters.map((cluster) => cluster.start()))
  return {
    fronting: clusters[0].bootstrap,
    consumer: clusters[1].bootstrap,
    stop: async () => {
      await Promise.all(clusters.map((cluster) => cluster.stop(0)))
      rmSync(folder, { recursive: true, force: true })
      process.off('exit', killNow)
    },
  }
}

async function newCluster(
  name: string,
  brokers: number,
  folder: string,
  say: (line: string) => void,
): Promise<KafkaCluster> {
  const ports = await freePorts(2 * brokers)
  return new KafkaCluster({
    name,
    directory: join(folder, name),
    brokers: Array.from({ length: brokers }, (_, index) => ({
      port: ports[index] ?? 0,
      controllerPort: ports[brokers + index] ?? 0,
      rack: String.fromCharCode(97 + index),
    })),
    say,
  })
}

/** Ports of 127.0.0.1 that nobody listened on a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            resolve(typeof address === 'object' && address !== null ? address.port : 0)
          })
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))))
  return ports
}
