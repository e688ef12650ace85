import { isDeepStrictEqual } from 'node:util'
import type { ProvisionedTopic } from '../../core/resources.ts'
import { withMade } from '../apply/record.ts'
import type { Publish } from '../failover/effect.ts'
import type { MadeTopic } from '../failover/operation.ts'
import type { Change, StoredPlacement, StoreSnapshot } from '../store/control-store.ts'

/**
 * What a publish changes of what the store holds now; empty = it is so already. A topic that was deleted meanwhile is left out, and what
 * was made for it is to be deleted too. Pure.
 */
export function publishChanges(
  { placements, made, deletions, drainFirst }: Publish,
  { state, placements: present }: Pick<StoreSnapshot, 'state' | 'placements'>,
): readonly Change[] {
  const placed = new Map(present.map((placement) => [placement.topic, placement]))
  const places = placements
    .filter(({ topic }) => state.Topic.has(topic))
    .map((placement): StoredPlacement => ({ ...placement, ...(drainFirst ? { drainFirst } : {}) }))
    .filter((placement) => !isDeepStrictEqual(placed.get(placement.topic), placement))
  const touched = new Set([...made, ...deletions].map(({ topic }) => topic))
  const changes: Change[] = places.map((placement) => ({ action: 'place', placement }))
  for (const name of touched) {
    const mine = made.filter(({ topic }) => topic === name)
    const doomed = deletions.filter(({ topic }) => topic === name)
    const before = state.Topic.get(name)?.provisioned
    if (before === undefined) {
      changes.push(...mine.map(({ cluster, topic, topicId }) => later({ cluster, topic, topicId })))
      continue
    }
    const isDoomed = ({ cluster, topicId }: ProvisionedTopic) =>
      doomed.some((one) => one.cluster === cluster && one.topicId === topicId)
    const after = withMade(before, mine.map(withoutTopic)).filter((one) => !isDoomed(one))
    if (!isDeepStrictEqual(before, after))
      changes.push({ action: 'provisioned', kind: 'Topic', name, provisioned: after })
    // One that is not known any more was remembered before, and may be gone by now.
    for (const { cluster, topicId } of before.filter(isDoomed))
      changes.push(later({ cluster, topic: name, topicId }))
  }
  return changes
}

function later(deletion: { cluster: string; topic: string; topicId: string }): Change {
  return { action: 'deleteLater', deletion }
}

function withoutTopic({ topic: _topic, ...provisioned }: MadeTopic): ProvisionedTopic {
  return provisioned
}
