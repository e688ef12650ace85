import type { TopicDescription } from '../../kafka/admin-topics.ts'
import type { TopicId } from '../failover/effect.ts'
import type { EndOffsets } from '../failover/operation.ts'
import type { EffectWork } from './effect-work.ts'

/** Where the logs end now, by partition; a topic that is not there under that id has no ends. */
export async function readEndOffsets(
  work: EffectWork,
  cluster: string,
  topics: readonly TopicId[],
): Promise<readonly EndOffsets[]> {
  const admin = work.admin(cluster)
  const present = await presentTopics(work, cluster, topics)
  const ends = await admin.logOffsets([...present.values()], 'end')
  return topics.map(({ topic, topicId }) => ({ topic, topicId, ends: ends.get(topic) ?? [] }))
}

/** Those that are there under their ids, by name. Of the others a line is logged: nothing of them is left that could be lost. */
export async function presentTopics(
  work: EffectWork,
  cluster: string,
  topics: readonly TopicId[],
): Promise<ReadonlyMap<string, TopicDescription>> {
  const described = await work.admin(cluster).describeTopics(topics.map(({ topic }) => topic))
  const present = new Map<string, TopicDescription>()
  const gone: string[] = []
  for (const { topic, topicId } of topics) {
    const found = described.get(topic)
    if (found?.topicId === topicId) present.set(topic, found)
    else gone.push(topic)
  }
  if (gone.length > 0 && !work.dryRun)
    work.options.logger.warn(
      { cluster, topics: gone, effect: work.effect.key },
      'topics are not there under their ids any more: somebody has deleted or made them anew',
    )
  return present
}
