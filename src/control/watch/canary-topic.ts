import {
  type Exchange,
  requests,
  type TopicErrors,
  type TopicMetadata,
} from 'kafkajs/src/protocol/requests/index.js'

/** One partition of one replica on each broker (rules "Canary"); Kafka's own tools show it. */
export const canaryTopic = '__forebay_canary'

/**
 * The broker's own clock stamps the records and its retention deletes them, so that a wrong clock here neither keeps nor loses any, and
 * none is refused for its time.
 */
const configs: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'LogAppendTime',
  'message.timestamp.after.max.ms': '9223372036854775807',
  'min.insync.replicas': '1',
  'retention.ms': '600000',
  'retention.bytes': '4194304',
  'segment.ms': '600000',
  'segment.bytes': '1048576',
}

export interface CanaryPartition {
  readonly partition: number
  /** Whether the broker leads it by this metadata. */
  readonly led: boolean
}

/** The canary partition of each broker that has one. `topic` as a broker's metadata gives it. Pure. */
export function canaryPartitions(topic: TopicMetadata | undefined): ReadonlyMap<number, CanaryPartition> {
  const found = new Map<number, CanaryPartition>()
  for (const { partitionId, replicas, leader } of byPartition(topic)) {
    const [broker] = replicas
    if (broker === undefined || replicas.length !== 1 || found.has(broker)) continue
    found.set(broker, { partition: partitionId, led: leader === broker })
  }
  return found
}

const unknownTopic = 3
/** TOPIC_ALREADY_EXISTS, and INVALID_PARTITIONS for a count that is not larger: another watch was faster. */
const madeMeanwhile = new Set([36, 37])

/**
 * The request that gives each of these brokers a canary partition; `undefined` when all have one, or when the metadata cannot tell (an
 * error other than that the topic is not there). Pure.
 */
export function missingCanaries(
  topic: TopicMetadata | undefined,
  brokers: readonly number[],
  timeoutMs: number,
): Exchange<TopicErrors> | undefined {
  if (topic !== undefined && topic.topicErrorCode !== 0 && topic.topicErrorCode !== unknownTopic)
    return undefined
  const have = canaryPartitions(topic)
  const missing = brokers.filter((broker) => !have.has(broker)).sort((a, b) => a - b)
  if (missing.length === 0) return undefined
  const count = topic?.topicErrorCode === 0 ? topic.partitionMetadata.length : 0
  if (count > 0) {
    const growth = {
      topic: canaryTopic,
      count: count + missing.length,
      assignments: missing.map((broker) => [broker]),
    }
    return requests.CreatePartitions.protocol({ version: 1 })({
      timeout: timeoutMs,
      topicPartitions: [growth],
    })
  }
  const made = {
    topic: canaryTopic,
    replicaAssignment: missing.map((broker, partition) => ({ partition, replicas: [broker] })),
    configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
  }
  return requests.CreateTopics.protocol({ version: 3 })({ timeout: timeoutMs, topics: [made] })
}

/** Why the canary's partitions were not made; `undefined` = they are there, or another made them at the same time. */
export function creationProblem({ topicErrors }: TopicErrors): string | undefined {
  const bad = topicErrors.find(({ errorCode }) => errorCode !== 0 && !madeMeanwhile.has(errorCode))
  if (bad === undefined) return undefined
  return `${canaryTopic}: Kafka's error ${bad.errorCode}${bad.errorMessage === null ? '' : `, ${bad.errorMessage}`}`
}

function byPartition(topic: TopicMetadata | undefined): TopicMetadata['partitionMetadata'] {
  if (topic === undefined || topic.topicErrorCode !== 0) return []
  return [...topic.partitionMetadata].sort((a, b) => a.partitionId - b.partitionId)
}
