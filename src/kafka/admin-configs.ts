import { describeConfigsV4, incrementalAlterConfigsV1 } from '@platformatic/kafka'
import { type KafkaRefusedError, refusal, refuse } from './admin-errors.ts'
import type { Ask } from './admin-topics.ts'
import { type BrokerCallOptions, callBroker } from './broker-call.ts'
import type { BrokerAddress } from './frame-socket.ts'

export interface TopicConfig {
  readonly value: string | null
  /** False when the value is a broker's or Kafka's default, so that it may change without anybody touching the topic. */
  readonly ownToTopic: boolean
}

/** `null` takes a config back to its default. */
export type ConfigChanges = Readonly<Record<string, string | null>>

const topicResource = 2 as const
const brokerResource = 4 as const
const setOperation = 0 as const
const deleteOperation = 1 as const
const topicConfigSource = 1

/** The effective configs of topics, or only those with `keys`, in one request. A topic that was refused has its error. */
export async function topicConfigs(
  ask: Ask,
  topics: readonly string[],
  keys?: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, TopicConfig> | KafkaRefusedError>> {
  if (topics.length === 0) return new Map()
  const resources = topics.map((resourceName) => ({
    resourceType: topicResource,
    resourceName,
    configurationKeys: keys ? [...keys] : null,
  }))
  const { results } = await ask((connection) =>
    describeConfigsV4.api.async(connection, resources, false, false),
  )
  return new Map(
    results.map((result): [string, ReadonlyMap<string, TopicConfig> | KafkaRefusedError] => {
      const { resourceName, errorCode, errorMessage, configs } = result
      const refused = refusal(`read the configs of topic ${resourceName}`, errorCode, errorMessage)
      if (refused !== undefined) return [resourceName, refused]
      const read = configs.map(({ name, value, configSource }): [string, TopicConfig] => [
        name,
        { value: value ?? null, ownToTopic: configSource === topicConfigSource },
      ])
      return [resourceName, new Map(read)]
    }),
  )
}

/**
 * Sets these configs of these topics in one request and leaves all others: incremental always (KIP-339), because the older AlterConfigs
 * would wipe what others have set. Gives those that were refused, by name.
 */
export async function alterTopicConfigs(
  ask: Ask,
  changes: ReadonlyMap<string, ConfigChanges>,
  validateOnly: boolean,
): Promise<ReadonlyMap<string, KafkaRefusedError>> {
  const resources = [...changes].map(([resourceName, wanted]) => ({
    resourceType: topicResource,
    resourceName,
    configs: Object.entries(wanted).map(([name, value]) =>
      value === null
        ? { name, configOperation: deleteOperation }
        : { name, configOperation: setOperation, value },
    ),
  }))
  if (resources.length === 0) return new Map()
  const { responses } = await ask((connection) =>
    incrementalAlterConfigsV1.api.async(connection, resources, validateOnly),
  )
  return new Map(
    responses.flatMap(({ resourceName, errorCode, errorMessage }) => {
      const refused = refusal(`change the configs of topic ${resourceName}`, errorCode, errorMessage)
      return refused === undefined ? [] : [[resourceName, refused] as const]
    }),
  )
}

/** The effective configs of one broker, which only that broker knows. */
export async function brokerConfigs(
  broker: BrokerAddress & { readonly id: number },
  keys: readonly string[],
  options: BrokerCallOptions,
): Promise<ReadonlyMap<string, string>> {
  const resource = {
    resourceType: brokerResource,
    resourceName: String(broker.id),
    configurationKeys: [...keys],
  }
  const { results } = await callBroker(broker, options, (connection) =>
    describeConfigsV4.api.async(connection, [resource], false, false),
  )
  const [result] = results
  refuse(`read the configs of broker ${broker.id}`, result?.errorCode ?? -1, result?.errorMessage)
  return new Map((result?.configs ?? []).map(({ name, value }) => [name, value ?? '']))
}
