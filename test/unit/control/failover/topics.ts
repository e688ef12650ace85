import type { PlacedTopic } from '../../../../src/control/failover/plan.ts'
import type { TopicSpec } from '../../../../src/core/resources.ts'

export function topicSpec(name: string, more: Partial<TopicSpec> = {}): TopicSpec {
  return {
    name,
    owner: 'team',
    delivery: 'fast',
    cluster: 'fronting-a',
    partitions: 3,
    retentionMs: 3_600_000,
    maxEventBytes: 2 ** 20,
    check: 'structure',
    eventId: 'none',
    compression: 'none',
    mediaTypes: [],
    ...more,
  }
}

/** On its home. */
export function placedAt(spec: TopicSpec): PlacedTopic {
  const { name, cluster, partitions } = spec
  return {
    spec,
    placement: { topic: name, cluster, holders: [cluster] },
    provisioned: [{ cluster, topicId: `home-${name}`, partitions, replicas: 3, minInSync: 1 }],
  }
}

/** `count` topics on fronting-a, named so that their order is known. */
export function placedTopics(count: number): readonly PlacedTopic[] {
  return Array.from({ length: count }, (_, index) =>
    placedAt(topicSpec(`web.topic-${String(index).padStart(4, '0')}`)),
  )
}
