import type { TopicId } from '../failover/effect.ts'
import { deleteKafkaTopics } from '../provision/deletions.ts'
import type { EffectWork } from './effect-work.ts'

/** By id, and forgotten as to be deleted. A drill asks whether the cluster answers. */
export async function deleteTopics(
  work: EffectWork,
  cluster: string,
  topics: readonly TopicId[],
): Promise<void> {
  const admin = work.admin(cluster)
  if (work.dryRun) {
    await admin.describeTopics(topics.map(({ topic }) => topic))
    return
  }
  await work.fence()
  await deleteKafkaTopics(admin, topics)
  for (const { topic, topicId } of topics)
    await work.options.store.deleted({ cluster, topic, topicId }, work.authority())
}
