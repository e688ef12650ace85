import type { TopicPlacement } from '../../src/core/placement.ts'

/** A topic on `fronting-a`; fast, 2 partitions, checked for structure. */
export function placedTopic(topic: string, more: Partial<TopicPlacement> = {}): TopicPlacement {
  return {
    topic,
    delivery: 'fast',
    cluster: 'fronting-a',
    holders: ['fronting-a'],
    partitions: 2,
    maxEventBytes: 2 ** 20,
    check: 'structure',
    eventId: 'none',
    compression: 'none',
    mediaTypes: [],
    ...more,
  }
}
