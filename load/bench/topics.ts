import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import { withAdmin } from '../verify/kafka-reader.ts'

/** Makes a topic for a baseline, as Forebay makes its own: explicit partitions and replicas. */
export async function createTopic(
  bootstrap: readonly string[],
  topic: string,
  { partitions, replicas }: { partitions: number; replicas: number },
): Promise<void> {
  await withAdmin(bootstrap, (admin) =>
    admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: partitions, replicationFactor: replicas }],
    }),
  )
}

/** Deletes every topic whose name begins with `prefix`. */
export async function deleteTopicsOf(bootstrap: readonly string[], prefix: string): Promise<void> {
  await withAdmin(bootstrap, async (admin) => {
    const own = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    if (own.length > 0) await admin.deleteTopics({ topics: own })
  })
}

/** Records that were ever written to the topic: the sum of its end offsets. */
export async function recordCount(admin: Admin, topic: string): Promise<number> {
  const offsets = await admin.fetchTopicOffsets(topic)
  return offsets.reduce((sum, { high }) => sum + Number(high), 0)
}

/** Records that were ever written to all of the topics together. */
export async function recordCounts(bootstrap: readonly string[], topics: readonly string[]): Promise<number> {
  return withAdmin(bootstrap, async (admin) => {
    let sum = 0
    // Not all at once: each topic is a request of its own.
    for (let at = 0; at < topics.length; at += 50) {
      const some = topics.slice(at, at + 50).map((topic) => recordCount(admin, topic))
      for (const count of await Promise.all(some)) sum += count
    }
    return sum
  })
}

/** Waits until `count` records were ever written; returns the `performance.now()` of that. Rejects when none came for 30 s. */
export async function untilRecords(
  bootstrap: readonly string[],
  topic: string,
  count: number,
): Promise<number> {
  return withAdmin(bootstrap, async (admin) => {
    let before = -1
    let changedMs = performance.now()
    for (;;) {
      const now = await recordCount(admin, topic)
      if (now >= count) return performance.now()
      if (now !== before) changedMs = performance.now()
      before = now
      if (performance.now() - changedMs > 30_000) {
        throw new Error(`${topic}: ${now} of ${count} records, and nothing more for 30 s`)
      }
      await sleep(20)
    }
  })
}
