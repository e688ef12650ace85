import type { ConfigChanges } from '../../kafka/admin-configs.ts'
import type { PartitionState } from '../../kafka/admin-probe.ts'
import type { TopicId } from '../failover/effect.ts'
import type { TopicMove } from '../failover/plan.ts'
import { sealConfig, sealValue } from '../provision/config-drift.ts'
import { maxMessageBytes } from '../provision/plan.ts'
import type { EffectWork, Look } from './effect-work.ts'
import { presentTopics } from './end-offsets.ts'

const pollMs = 100

/**
 * Topics refuse every write from now on. Configs go by name, so the ids are looked at right before; a topic that is not there under its
 * id needs no seal.
 */
export async function sealTopics(
  work: EffectWork,
  cluster: string,
  topics: readonly TopicId[],
): Promise<void> {
  const present = await presentTopics(work, cluster, topics)
  const changes = new Map([...present.keys()].map((name) => [name, { [sealConfig]: sealValue }]))
  await alter(work, cluster, changes)
}

/** Until each leader refuses a probe: a broker hears of a config later than the controller. A drill asks whether each leader answers. */
export function probeSealed(work: EffectWork, cluster: string, topics: readonly TopicId[]): Promise<void> {
  return work.until(pollMs, async () => {
    const present = await presentTopics(work, cluster, topics)
    const states = await work.admin(cluster).probeTopics([...present.values()])
    const isAsWanted = work.dryRun
      ? (state: PartitionState) => typeof state === 'string'
      : (state: PartitionState) => state === 'sealed'
    return lookFor(states, isAsWanted, `do not refuse writes on ${cluster} yet`)
  })
}

/** Takes the seal off, and waits until each leader would take a record. Rejects when a topic is not there under its id. */
export async function unsealTopics(
  work: EffectWork,
  cluster: string,
  topics: readonly TopicMove[],
): Promise<void> {
  const ids = topics.map(({ topic, standbyTopicId = '' }) => ({ topic, topicId: standbyTopicId }))
  const present = await presentTopics(work, cluster, ids)
  const gone = topics.find(({ topic }) => !present.has(topic))
  if (gone !== undefined)
    throw new Error(
      `topic ${gone.topic} is not on ${cluster} any more under its id ${gone.standbyTopicId}, so nobody can be sent back there`,
    )
  const changes = new Map(
    topics.map(({ topic, spec }) => [
      topic,
      { [sealConfig]: String(maxMessageBytes(work.presentSpec(spec).maxEventBytes)) },
    ]),
  )
  await alter(work, cluster, changes)
  await work.until(pollMs, async () => {
    const described = await presentTopics(work, cluster, ids)
    const states = await work.admin(cluster).probeTopics([...described.values()])
    const isAsWanted = (state: PartitionState) => (work.dryRun ? typeof state === 'string' : state === 'open')
    return lookFor(states, isAsWanted, `do not take writes on ${cluster} yet`)
  })
}

async function alter(
  work: EffectWork,
  cluster: string,
  changes: ReadonlyMap<string, ConfigChanges>,
): Promise<void> {
  await work.fence()
  const refused = await work.admin(cluster).alterTopicConfigs(changes, work.dryRun)
  for (const [, error] of refused) throw error
}

function lookFor(
  states: ReadonlyMap<string, readonly PartitionState[]>,
  isAsWanted: (state: PartitionState) => boolean,
  words: string,
): Look<void> {
  const others = [...states].flatMap(([topic, partitions]) =>
    partitions.flatMap((state, partition) => (isAsWanted(state) ? [] : [{ topic, partition, state }])),
  )
  const [first] = others
  if (first === undefined) return { done: undefined }
  const { topic, partition, state } = first
  const why = typeof state === 'string' ? '' : ` (${state.unknown})`
  return { waiting: `${others.length} partitions ${words}, such as ${topic}-${partition}${why}` }
}
