import { newTopic } from '../provision/new-topic.ts'
import { fitTopics } from '../provision/topic-batch.ts'
import { throughCluster } from './canary.ts'
import type { EffectWork } from './effect-work.ts'

const pollMs = 500

/**
 * Whether topics may come home: a record through each broker, the configs of the topics that are there as they should be (drifted ones are
 * repaired, in a drill only judged), and every replica in sync.
 */
export async function checkGate(work: EffectWork, cluster: string): Promise<void> {
  const { feed, probes, logger } = work.options
  await throughCluster(work, cluster)
  const admin = work.admin(cluster)
  const { brokers } = await admin.describeCluster()
  const topics = [...feed.state.Topic.values()].filter(({ spec }) => spec.cluster === cluster)
  const wanted = topics.map(({ spec, provisioned }) => ({
    ...newTopic(cluster, spec.name, spec, brokers),
    spec,
    known: provisioned.filter((made) => made.cluster === cluster).map(({ topicId }) => topicId),
  }))
  const fitted = await fitTopics(wanted, {
    cluster,
    admin,
    brokers,
    adopt: 'empty',
    presentOnly: true,
    validateOnly: work.dryRun,
    beforeChange: work.fence,
  })
  for (const [topic, result] of fitted) {
    if (result instanceof Error) throw result
    if (result.notes.length > 0) logger.info({ cluster, topic, notes: result.notes }, 'configs had drifted')
  }
  await work.until(pollMs, async () => {
    const behind = await probes.partitionsBehind(work.cluster(cluster), fitted.keys(), work.stopped)
    if (behind === 0) return { done: undefined }
    return { waiting: `${behind} partitions of ${cluster} have replicas that are not in sync yet` }
  })
}
