import { createPartitionsV3, createTopicsV7, deleteTopicsV6, metadataV12 } from '@platformatic/kafka'
import type { Question } from './admin-caller.ts'
import { type KafkaRefusedError, kafkaCodes, refusal, refuse } from './admin-errors.ts'

export interface PartitionDescription {
  /** −1 while there is none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
}

export interface TopicDescription {
  readonly name: string
  /** KIP-516; changes when the topic is made anew. */
  readonly topicId: string
  /** By partition number. */
  readonly partitions: readonly PartitionDescription[]
}

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  readonly configs: Readonly<Record<string, string>>
  /** Broker ids per partition, preferred leader first; left out = Kafka assigns. */
  readonly assignment?: readonly (readonly number[])[]
}

export interface Growth {
  readonly name: string
  /** Partitions afterwards. */
  readonly partitions: number
  /** Broker ids of each new one; left out = Kafka assigns. */
  readonly assignment?: readonly (readonly number[])[]
}

/** Asks a cluster, whichever of its brokers answers first. */
export type Ask = <Answer>(question: Question<Answer>) => Promise<Answer>

/** How long a broker waits for a change to be made before it answers "not yet". */
const changeTimeoutMs = 3000

/** By name; a topic that is not there is left out. `undefined` = all of them, Kafka's internal ones too. */
export async function describeTopics(
  ask: Ask,
  names: readonly string[] | undefined,
): Promise<ReadonlyMap<string, TopicDescription>> {
  const found = new Map<string, TopicDescription>()
  if (names?.length === 0) return found
  const answer = await ask((connection) =>
    metadataV12.api.async(connection, names === undefined ? null : [...names], false, false),
  )
  for (const { name, topicId, errorCode, partitions } of answer.topics) {
    if (name == null || errorCode === kafkaCodes.unknownTopic) continue
    refuse(`describe topic ${name}`, errorCode === kafkaCodes.leaderNotAvailable ? 0 : errorCode)
    const sorted = [...partitions].sort((a, b) => a.partitionIndex - b.partitionIndex)
    found.set(name, {
      name,
      topicId,
      partitions: sorted.map(({ leaderId, leaderEpoch, replicaNodes, isrNodes }) => ({
        leader: leaderId,
        leaderEpoch,
        replicas: replicaNodes,
        inSync: isrNodes,
      })),
    })
  }
  return found
}

/** All in one request. By name: the new topic's id, or why that one was refused. Their leaders come later. `validateOnly` makes nothing. */
export async function createTopics(
  ask: Ask,
  topics: readonly NewTopic[],
  validateOnly: boolean,
): Promise<ReadonlyMap<string, string | KafkaRefusedError>> {
  if (topics.length === 0) return new Map()
  const requests = topics.map(creationOf)
  const answer = await ask((connection) =>
    createTopicsV7.api.async(connection, requests, changeTimeoutMs, validateOnly),
  )
  return new Map(
    answer.topics.map(({ name, topicId, errorCode, errorMessage }) => [
      name,
      refusal(`create topic ${name}`, errorCode, errorMessage) ?? topicId,
    ]),
  )
}

/** All in one request; gives those that were refused, by name. The leaders of the new partitions come later. */
export async function growTopics(
  ask: Ask,
  growths: readonly Growth[],
  validateOnly: boolean,
): Promise<ReadonlyMap<string, KafkaRefusedError>> {
  if (growths.length === 0) return new Map()
  const requests = growths.map(({ name, partitions, assignment }) => ({
    name,
    count: partitions,
    assignments: assignment?.map((brokerIds) => ({ brokerIds: [...brokerIds] })) ?? null,
  }))
  const { results } = await ask((connection) =>
    createPartitionsV3.api.async(connection, requests, changeTimeoutMs, validateOnly),
  )
  return new Map(
    results.flatMap(({ name, errorCode, errorMessage }) => {
      const refused = refusal(`grow topic ${name}`, errorCode, errorMessage)
      return refused === undefined ? [] : [[name, refused] as const]
    }),
  )
}

/**
 * By id, so that a topic made anew under the same name is safe (semantics "Failover and failback"). Gives the ids that were there; one
 * that is gone already is no error. Throws the first refusal when all were asked.
 */
export async function deleteTopics(ask: Ask, topicIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (topicIds.length === 0) return new Set()
  const requests = topicIds.map((topicId) => ({ name: null, topicId }))
  const { responses } = await ask((connection) =>
    deleteTopicsV6.api.async(connection, requests, changeTimeoutMs),
  )
  const gone = new Set<number>([kafkaCodes.unknownTopic, kafkaCodes.unknownTopicId])
  const deleted = new Set<string>()
  for (const { topicId, errorCode, errorMessage } of responses) {
    if (gone.has(errorCode)) continue
    refuse(`delete the topic with id ${topicId}`, errorCode, errorMessage)
    deleted.add(topicId)
  }
  return deleted
}

function creationOf({ name, partitions, replicas, assignment, configs }: NewTopic) {
  return {
    name,
    // Kafka wants −1 for both beside an explicit assignment.
    numPartitions: assignment ? -1 : partitions,
    replicationFactor: assignment ? -1 : replicas,
    assignments: (assignment ?? []).map((brokerIds, partitionIndex) => ({
      partitionIndex,
      brokerIds: [...brokerIds],
    })),
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }
}
