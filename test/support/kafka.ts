import { readFileSync } from 'node:fs'
import { type ClusterAddress, ClusterSet, removeOrphanedSets, type SharedClusterName } from './cluster-set.ts'
import { afterFileCleanup } from './file-cleanup.ts'

export type { ClusterAddress } from './cluster-set.ts'

/**
 * The shared clusters: `fronting` (3 brokers, racks a, b, c), `consumer` and `standby` (1 broker each), started when first asked
 * for. Under `--test-global-setup`, or with TEST_KAFKA_CLUSTERS naming the file of dev-clusters.ts, they belong to another process;
 * a file run alone starts them itself and stops them at its end. A test that breaks brokers makes its own with `privateCluster`.
 */
export function sharedCluster(name: SharedClusterName): Promise<ClusterAddress> {
  const file = process.env.TEST_KAFKA_CLUSTERS
  return file === undefined ? startHere(name) : askOwner(file, name)
}

/** The two that most tests need. */
export async function sharedClusters(): Promise<{ fronting: ClusterAddress; consumer: ClusterAddress }> {
  const [fronting, consumer] = await Promise.all([sharedCluster('fronting'), sharedCluster('consumer')])
  return { fronting, consumer }
}

async function askOwner(file: string, name: SharedClusterName): Promise<ClusterAddress> {
  const { url } = JSON.parse(readFileSync(file, 'utf8')) as { url: string }
  const response = await fetch(`${url}/${name}`)
  if (!response.ok) throw new Error(`the test cluster ${name} did not start: ${await response.text()}`)
  return (await response.json()) as ClusterAddress
}

let own: ClusterSet | undefined

async function startHere(name: SharedClusterName): Promise<ClusterAddress> {
  if (own === undefined) {
    own = new ClusterSet()
    process.once('exit', () => own?.killNow())
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
    await removeOrphanedSets()
  }
  return own.get(name)
}

afterFileCleanup(async () => {
  await own?.stop()
})
