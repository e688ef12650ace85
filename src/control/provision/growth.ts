import type { BrokerDescription } from '../../kafka/admin.ts'
import type { Growth, TopicDescription } from '../../kafka/admin-topics.ts'
import { assignTopic } from './assignment.ts'
import type { ProvisionPlan } from './plan.ts'

/** The partitions that a topic lacks; `undefined` = none. Pure. */
export function growthOf(
  { name, partitions }: TopicDescription,
  plan: ProvisionPlan,
  brokers: readonly BrokerDescription[],
): Growth | undefined {
  const added = plan.partitions - partitions.length
  if (added <= 0) return undefined
  const { replicas } = plan
  const assignment =
    replicas <= brokers.length
      ? assignTopic(name, brokers, { replicas, firstPartition: partitions.length, partitions: added })
      : undefined
  return { name, partitions: plan.partitions, ...(assignment === undefined ? {} : { assignment }) }
}
