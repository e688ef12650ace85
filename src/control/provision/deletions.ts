import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterAdmin } from '../../kafka/admin.ts'

export interface DoomedTopic {
  readonly topic: string
  readonly topicId: string
}

const goneDeadlineMs = 10_000

/**
 * Deletes these topics by id, in one request, and resolves when the brokers do not show them any more, because Kafka answers before that.
 * A topic that is there under the name with another id is left alone. Rejects when the cluster refuses, does not answer, or still shows one.
 */
export async function deleteKafkaTopics(admin: ClusterAdmin, doomed: readonly DoomedTopic[]): Promise<void> {
  if (doomed.length === 0) return
  await admin.deleteTopics(doomed.map(({ topicId }) => topicId))
  const names = [...new Set(doomed.map(({ topic }) => topic))]
  const ids = new Set(doomed.map(({ topicId }) => topicId))
  const endMs = performance.now() + goneDeadlineMs
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 200)) {
    const described = [...(await admin.describeTopics(names)).values()]
    const shown = described.find(({ topicId }) => ids.has(topicId))
    if (shown === undefined) return
    if (performance.now() > endMs)
      throw new Error(`topic ${shown.name} is deleted, and still shown after ${goneDeadlineMs} ms. Try again`)
    await sleep(pauseMs)
  }
}
