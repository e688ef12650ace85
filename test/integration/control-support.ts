import { randomUUID } from 'node:crypto'
import { type ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import type { ApplyResult } from '../../src/core/resources.ts'
import { ClusterAdmin } from '../../src/kafka/admin.ts'
import type { ClusterAddress } from '../support/kafka.ts'
import type { Cleanup } from '../support/temporary-folder.ts'

/** A namespace of its own for each test, so that tests share clusters without meeting. */
export function uniqueNamespace(): string {
  return `ctl-${randomUUID().slice(0, 8)}`
}

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

/** Calls a control plane; a 204 or 304 has an empty body. */
export async function call<Body = Record<string, unknown>>(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<Body>> {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
}

/** Applies documents, and fails with the problem when it is refused. */
export async function applyTo(url: string, documents: readonly object[]): Promise<ApplyResult> {
  const { status, body } = await call<ApplyResult>(url, 'POST', '/v1/apply', { documents })
  if (status !== 200) throw new Error(`apply was refused: ${JSON.stringify(body)}`)
  return body
}

export function clusterDocuments(fronting: ClusterAddress, consumer: ClusterAddress): readonly object[] {
  return [
    { kind: 'Cluster', name: 'fronting-a', role: 'fronting', bootstrap: fronting.bootstrap },
    { kind: 'Cluster', name: 'consumer', role: 'consumer', bootstrap: consumer.bootstrap },
  ]
}

/** Deletes the Kafka topics afterwards, wherever they are. */
export function deleteAfter(
  owner: Cleanup,
  clusters: readonly ClusterAddress[],
  topics: readonly string[],
): void {
  owner.after(async () => {
    for (const { bootstrap } of clusters) {
      const admin = new ClusterAdmin({ bootstrap })
      const found = [...(await admin.describeTopics(topics)).values()]
      await admin.deleteTopics(found.map(({ topicId }) => topicId))
      await admin.close()
    }
  })
}

export interface SeenTopic {
  readonly partitions: number
  /** Broker ids of each partition. */
  readonly replicas: readonly (readonly number[])[]
  readonly configs: Readonly<Record<string, string>>
}

/** A Kafka topic as kafkajs sees it, which shares no code with ours; `undefined` when there is none. */
export async function seenByKafkajs(cluster: ClusterAddress, topic: string): Promise<SeenTopic | undefined> {
  const kafka = new Kafka({
    clientId: 'control-test',
    brokers: [...cluster.bootstrap],
    logLevel: logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  try {
    if (!(await admin.listTopics()).includes(topic)) return undefined
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const topicResource: ConfigResourceTypes.TOPIC = 2
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: topicResource, name: topic }],
    })
    const entries = resources[0]?.configEntries ?? []
    const partitions = topics[0]?.partitions ?? []
    return {
      partitions: partitions.length,
      replicas: partitions.map(({ replicas }) => replicas),
      configs: Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue])),
    }
  } finally {
    await admin.disconnect()
  }
}
