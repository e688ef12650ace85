import { groupIdOf } from '../../core/placement.ts'
import type { EndOffsets } from '../failover/operation.ts'
import type { EffectWork, Look } from './effect-work.ts'
import { presentTopics } from './end-offsets.ts'
import { type Lag, lagOf, lagSentence } from './lag.ts'

const pollMs = 500

/**
 * Until every route of each topic has committed up to these offsets on this cluster. What the log does not hold any more, by retention or
 * because its end was cut off, is not waited for; nor is a topic without routes.
 */
export async function awaitDrained(
  work: EffectWork,
  cluster: string,
  offsets: readonly EndOffsets[],
): Promise<void> {
  let open = offsets.filter(({ ends }) => ends.some((end) => end > 0))
  await work.until(pollMs, async (): Promise<Look<void>> => {
    const lags = await lagsOf(work, cluster, open)
    if (lags.length === 0) return { done: undefined }
    const late = new Set(lags.map(({ topic }) => topic))
    open = open.filter(({ topic }) => late.has(topic))
    if (work.dryRun) return { done: undefined }
    return { waiting: lagSentence(lags, cluster) }
  })
}

async function lagsOf(
  work: EffectWork,
  cluster: string,
  offsets: readonly EndOffsets[],
): Promise<readonly Lag[]> {
  const ends = new Map(offsets.map((one) => [one.topic, one.ends]))
  const ids = new Map(offsets.map((one) => [one.topic, one.topicId]))
  const routes = [...work.options.feed.state.Route.values()]
    .map(({ spec }) => spec)
    .filter(({ topic }) => ends.has(topic))
  const questions = routes.map(({ name, topic }) => ({
    groupId: groupIdOf(name),
    topic,
    topicId: ids.get(topic) ?? '',
    partitions: ends.get(topic)?.length ?? 0,
  }))
  const committed = await work.admin(cluster).committedOffsets(questions)
  const behind = routes.filter(({ name, topic }) =>
    (ends.get(topic) ?? []).some(
      (end, partition) => (committed.get(groupIdOf(name))?.[partition] ?? -1) < end,
    ),
  )
  if (behind.length === 0) return []
  // Only now, and only of these: what of it is still in the log?
  const late = new Set(behind.map(({ topic }) => topic))
  const present = await presentTopics(
    work,
    cluster,
    offsets.filter(({ topic }) => late.has(topic)),
  )
  const topics = [...present.values()]
  const starts = await work.admin(cluster).logOffsets(topics, 'start')
  const endsNow = await work.admin(cluster).logOffsets(topics, 'end')
  return behind.flatMap(({ name, topic, state }) => {
    if (!present.has(topic)) return []
    const records = lagOf({
      wanted: ends.get(topic) ?? [],
      committed: committed.get(groupIdOf(name)) ?? [],
      starts: starts.get(topic) ?? [],
      ends: endsNow.get(topic) ?? [],
    })
    return records === 0 ? [] : [{ route: name, topic, records, isPaused: state === 'paused' }]
  })
}
