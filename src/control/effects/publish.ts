import type { Publish } from '../failover/effect.ts'
import type { MadeTopic } from '../failover/operation.ts'
import type { StoreSnapshot } from '../store/control-store.ts'
import type { EffectWork } from './effect-work.ts'
import { ensureTopics } from './make-topics.ts'
import { publishChanges } from './publish-changes.ts'

/**
 * Commits a move of placements, and gives the placement version from which on it holds. What is so already is not written again, and then
 * that is the present version, as in a drill.
 */
export async function publish(work: EffectWork, body: Publish): Promise<number> {
  const { store, commits, committed } = work.options
  if (work.dryRun) return (await store.position()).version
  const made = await withGrowth(work, body.made)
  const { version, isNew } = await commits.run(async () => {
    const snapshot = await store.snapshot()
    refuseShort(made, snapshot)
    const changes = publishChanges({ ...body, made }, snapshot)
    if (changes.length === 0) return { version: await presentVersion(work, snapshot), isNew: false }
    return { version: await store.commit(changes, work.authority()), isNew: true }
  })
  // A repetition tells again: the telling may be what failed.
  await committed(version)
  work.options.logger.info({ effect: work.effect.key, version, isNew }, 'placement published')
  return version
}

/** The store looks at the term when it is written to; here nothing is. */
async function presentVersion(work: EffectWork, { position }: StoreSnapshot): Promise<number> {
  await work.fence()
  return position.version
}

/** One that has grown in this very moment is made right at the next attempt. */
function refuseShort(made: readonly MadeTopic[], { state }: StoreSnapshot): void {
  const short = made.find(
    ({ topic, partitions }) => (state.Topic.get(topic)?.spec.partitions ?? 0) > partitions,
  )
  if (short !== undefined)
    throw new Error(`topic ${short.topic} has grown while ${short.cluster} was made ready: tried again`)
}

/** A topic that has grown since it was made gets its new partitions before anybody is sent to them. */
async function withGrowth(work: EffectWork, made: readonly MadeTopic[]): Promise<readonly MadeTopic[]> {
  const { Topic } = work.options.feed.state
  const short = made.flatMap((one) => {
    const spec = Topic.get(one.topic)?.spec
    if (spec === undefined || spec.partitions <= one.partitions) return []
    return [{ topic: one.topic, partitions: spec.partitions, spec, holders: [], homeTopicId: one.topicId }]
  })
  const [cluster] = new Set(made.map((one) => one.cluster))
  if (cluster === undefined || short.length === 0) return made
  const grown = new Map((await ensureTopics(work, cluster, short)).map((one) => [one.topic, one]))
  return made.map((one) => grown.get(one.topic) ?? one)
}
