import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type MetadataAnswer, requests, type TopicMetadata } from 'kafkajs/src/protocol/requests/index.js'
import type { ClusterSpec } from '../../core/resources.ts'
import { parseAddress } from '../../kafka/cluster-metadata.ts'
import type { StandbyFacts } from '../failover/plan.ts'
import { BrokerLink } from './broker-link.ts'
import { produceCanary, readCanaries } from './canary-calls.ts'
import { decodeCanary, encodeCanary } from './canary-record.ts'
import { canaryPartitions, canaryTopic, creationProblem, missingCanaries } from './canary-topic.ts'
import { isBehind } from './partition-counts.ts'

const limitMs = 2000
const creationTimeoutMs = 5000
/** A new partition has its leader after half a second, or after some seconds on a broker that has just been woken. */
const leaderDeadlineMs = 15_000
const pauseMs = 100

/**
 * A record through each broker that the cluster names now, produced and read back; the canary's partitions are made where they are
 * missing. Rejects with a sentence that says what failed, and at once when `signal` is aborted. Nothing is tried again, apart from
 * waiting for the leaders of new partitions.
 */
export async function throughEachBroker(cluster: ClusterSpec, signal: AbortSignal): Promise<void> {
  const { brokers } = await placedCanaries(cluster, signal)
  await Promise.all(
    brokers.map(async ({ id, partition, host, port }) => {
      try {
        await withLink(`${host}:${port}`, signal, (link) => throughBroker(link, partition, signal))
      } catch (error) {
        throw new Error(`no record came through broker ${id} of ${cluster.name}: ${messageOf(error)}`, {
          cause: error,
        })
      }
    }),
  )
}

/** What the cluster says of itself; `undefined` when none of its brokers answers within 2 s. */
export async function facts(cluster: ClusterSpec, signal: AbortSignal): Promise<StandbyFacts | undefined> {
  try {
    // kafkajs takes no topics for all topics.
    const { brokers, topicMetadata } = await askAny(cluster, [], signal)
    const partitions = topicMetadata.reduce((sum, { partitionMetadata }) => sum + partitionMetadata.length, 0)
    return { brokers: brokers.length, partitions }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AggregateError) return undefined
    throw error
  }
}

/** How many partitions of these topics have fewer replicas in sync than replicas; topics that are not there have none. Rejects when no broker answers. */
export async function partitionsBehind(
  cluster: ClusterSpec,
  topics: Iterable<string>,
  signal: AbortSignal,
): Promise<number> {
  const names = [...topics]
  if (names.length === 0) return 0
  const { topicMetadata } = await askAny(cluster, names, signal)
  return topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata).filter(isBehind).length
}

interface PlacedCanary {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly partition: number
}

async function placedCanaries(
  cluster: ClusterSpec,
  signal: AbortSignal,
): Promise<{ readonly brokers: readonly PlacedCanary[] }> {
  const endMs = performance.now() + leaderDeadlineMs
  let isMade = false
  for (;;) {
    const { brokers, topicMetadata } = await askAny(cluster, [canaryTopic], signal)
    const [topic] = topicMetadata
    const ready = canaryPartitions(topic)
    const placed = brokers.flatMap(({ nodeId: id, host, port }) => {
      const canary = ready.get(id)
      return canary?.led === true ? [{ id, host, port, partition: canary.partition }] : []
    })
    if (brokers.length > 0 && placed.length === brokers.length) return { brokers: placed }
    if (performance.now() > endMs) {
      const without = brokers.filter(({ nodeId }) => ready.get(nodeId)?.led !== true)
      const ids = without.map(({ nodeId }) => nodeId).join(', ')
      throw new Error(`the canary's partition on broker ${ids} of ${cluster.name} has no leader`)
    }
    if (!isMade) await makeCanaries(cluster, topic, brokers, signal)
    isMade = true
    await sleep(pauseMs, undefined, { signal })
  }
}

async function makeCanaries(
  cluster: ClusterSpec,
  topic: TopicMetadata | undefined,
  brokers: MetadataAnswer['brokers'],
  signal: AbortSignal,
): Promise<void> {
  const ids = brokers.map(({ nodeId }) => nodeId)
  const exchange = missingCanaries(topic, ids, creationTimeoutMs)
  const [first] = brokers
  if (exchange === undefined || first === undefined) return
  const answer = await withLink(`${first.host}:${first.port}`, signal, (link) =>
    link.ask(exchange, creationTimeoutMs + 1000),
  )
  const problem = creationProblem(answer)
  if (problem !== undefined)
    throw new Error(`the canary topic could not be made on ${cluster.name}: ${problem}`)
}

async function throughBroker(link: BrokerLink, partition: number, signal: AbortSignal): Promise<void> {
  const watch = randomUUID()
  const value = encodeCanary({ watch, index: 0, wallMs: Date.now() })
  const offset = await produceCanary(link, partition, value, limitMs)
  const endMs = performance.now() + limitMs
  for (let position = offset; ; ) {
    signal.throwIfAborted()
    const leftMs = endMs - performance.now()
    if (leftMs <= 0) throw new Error(`it was acknowledged and not read back within ${limitMs} ms`)
    for (const read of await readCanaries(link, partition, position, leftMs)) {
      if (decodeCanary(read.value)?.watch === watch) return
      position = read.offset + 1
    }
  }
}

/** Metadata of the first broker of the bootstrap list that answers; all are asked side by side, so that one that hangs costs nothing. */
async function askAny(
  cluster: ClusterSpec,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<MetadataAnswer> {
  signal.throwIfAborted()
  const first = new AbortController()
  const either = AbortSignal.any([signal, first.signal])
  const exchange = requests.Metadata.protocol({ version: 6 })({ topics, allowAutoTopicCreation: false })
  try {
    return await Promise.any(
      cluster.bootstrap.map((address) => withLink(address, either, (link) => link.ask(exchange, limitMs))),
    )
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof AggregateError)) throw error
    const what = `no broker of ${cluster.name} (${cluster.bootstrap.join(', ')}) answered within ${limitMs} ms`
    throw new AggregateError(error.errors, what)
  } finally {
    first.abort()
  }
}

/** A link for one purpose, closed afterwards and when `signal` is aborted. */
async function withLink<Result>(
  address: string,
  signal: AbortSignal,
  use: (link: BrokerLink) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted()
  const link = new BrokerLink(parseAddress(address))
  const stop = () => link.close()
  signal.addEventListener('abort', stop)
  try {
    return await use(link)
  } finally {
    signal.removeEventListener('abort', stop)
    link.close()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
