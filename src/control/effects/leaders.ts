import type { MadeTopic } from '../failover/operation.ts'
import type { EffectWork } from './effect-work.ts'

const deadlineMs = 30_000

/** Until every partition of all these topics has a leader, one metadata request a look. Nothing in a drill, which has made none. */
export async function awaitLeaders(
  work: EffectWork,
  cluster: string,
  topics: readonly MadeTopic[],
): Promise<void> {
  if (work.dryRun) return
  const wanted = new Map(topics.map(({ topic, partitions }) => [topic, partitions]))
  const { led, waiting } = await work.admin(cluster).awaitLeaders(wanted, deadlineMs, work.stopped)
  const [first] = waiting
  if (first !== undefined) {
    const [name, leaders] = first
    throw new Error(
      `${waiting.size} of ${topics.length} topics on ${cluster} have no leaders after ${deadlineMs} ms, such as ${name} (${leaders} of ${wanted.get(name)} partitions): look at its brokers`,
    )
  }
  const other = topics.find(({ topic, topicId }) => led.get(topic)?.topicId !== topicId)
  if (other !== undefined)
    throw new Error(
      `topic ${other.topic} on ${cluster} is not the one that was made (${other.topicId}): somebody has made it anew`,
    )
}
