import { parentPort, workerData } from 'node:worker_threads'
import { FakeCluster } from './fake-cluster.ts'

/** A `FakeCluster` on a thread of its own, so that it takes no time of the loop that is measured: acknowledges everything at once. */
const { topics, partitions } = workerData as {
  readonly topics: readonly string[]
  readonly partitions: number
}
const cluster = await FakeCluster.start({ after: () => undefined })
cluster.acksAtOnce = true
for (const topic of topics) cluster.makeTopic(topic, partitions)
parentPort?.postMessage(cluster.bootstrap)
