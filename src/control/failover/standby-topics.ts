import type { BrokerDescription } from '../../kafka/admin.ts'
import type { NewTopic } from '../../kafka/admin-topics.ts'
import { newTopic } from '../provision/new-topic.ts'
import type { MadeTopic } from './operation.ts'
import type { TopicMove } from './plan.ts'

/** A topic to be made on the standby, and what to store of it once its id is known. */
export interface StandbyTopic {
  readonly request: NewTopic
  readonly made: Omit<MadeTopic, 'topicId'>
}

/**
 * How a batch is made on the brokers that the standby has at that moment: as many replicas as the class wants and as there are brokers,
 * alternated by rack, the same partitions and configs as at home. Pure. `brokers` must not be empty.
 */
export function standbyTopics(
  standby: string,
  batch: readonly TopicMove[],
  brokers: readonly BrokerDescription[],
): readonly StandbyTopic[] {
  if (brokers.length === 0) throw new RangeError(`${standby} has no brokers`)
  return batch.map(({ topic, spec }) => {
    const { request, made } = newTopic(standby, topic, spec, brokers)
    return { request, made: { ...made, topic } }
  })
}
