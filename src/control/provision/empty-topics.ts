import type { ClusterAdmin } from '../../kafka/admin.ts'
import type { TopicDescription } from '../../kafka/admin-topics.ts'

const leadersDeadlineMs = 10_000

/** Records (offsets, strictly) that topics hold, by name. Waits for the leaders of those that were just made. */
export async function recordCounts(
  admin: ClusterAdmin,
  topics: readonly TopicDescription[],
): Promise<ReadonlyMap<string, number>> {
  if (topics.length === 0) return new Map()
  const wanted = new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
  const { led } = await admin.awaitLeaders(wanted, leadersDeadlineMs)
  const all = [...led.values()]
  const [starts, ends] = [await admin.logOffsets(all, 'start'), await admin.logOffsets(all, 'end')]
  return new Map(
    all.map(({ name }) => {
      const first = starts.get(name) ?? []
      return [name, (ends.get(name) ?? []).reduce((sum, end, index) => sum + end - (first[index] ?? 0), 0)]
    }),
  )
}
