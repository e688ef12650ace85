import type { ProvisionedTopic, TopicSpec } from '../../core/resources.ts'
import type { BrokerDescription } from '../../kafka/admin.ts'
import type { NewTopic } from '../../kafka/admin-topics.ts'
import { assignTopic } from './assignment.ts'
import { type ProvisionPlan, planTopic } from './plan.ts'

/** How a topic is made, and what to store of it once its id is known. */
export interface PlannedTopic {
  readonly request: NewTopic
  readonly made: Omit<ProvisionedTopic, 'topicId'>
}

/**
 * A topic on the brokers that a cluster has at that moment: as many replicas as the class wants and as there are brokers, alternated by
 * rack. Pure.
 */
export function newTopic(
  cluster: string,
  kafkaTopic: string,
  spec: TopicSpec,
  brokers: readonly BrokerDescription[],
): PlannedTopic {
  const plan = planTopic(spec, brokers.length)
  const { configs, partitions, replicas } = plan
  const assignment = assignTopic(kafkaTopic, brokers, { replicas, partitions, firstPartition: 0 })
  return {
    request: {
      name: kafkaTopic,
      partitions,
      replicas,
      configs,
      ...(assignment === undefined ? {} : { assignment }),
    },
    made: madeBy(cluster, plan),
  }
}

/** What is stored of a topic that came out as planned. */
export function madeBy(
  cluster: string,
  { partitions, replicas, minInSync, degraded }: ProvisionPlan,
): Omit<ProvisionedTopic, 'topicId'> {
  return { cluster, partitions, replicas, minInSync, ...(degraded === undefined ? {} : { degraded }) }
}
