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

export async function deleteTopics(bootstrap: readonly string[], topics: readonly string[]): Promise<void> {
  await withAdmin(bootstrap, async (admin) => {
    const known = await admin.listTopics()
    await admin.deleteTopics({ topics: topics.filter((topic) => known.includes(topic)) })
  })
}

/** Records that were ever written to the topic: the sum of its end offsets. */
export async function recordCount(admin: Admin, topic: string): Promise<number> {
  const offsets = await admin.fetchTopicOffsets(topic)
  return offsets.reduce((sum, { high }) => sum + Number(high), 0)
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
