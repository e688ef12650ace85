import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import type { PlacementDocument, RouteSpec, TopicPlacement } from '../../src/core/placement.ts'
import { readAll } from './independent-reader.ts'
import { sharedCluster } from './kafka.ts'
import { placedTopic } from './placed-topic.ts'
import { privateCluster } from './private-cluster.ts'
import {
  committedRecords,
  fileRoute,
  kafkaRoute,
  PlacementServer,
  type StartedRouter,
  startRouter,
  testProducer,
} from './router-bed.ts'
import { type Cleanup, temporaryFolder } from './temporary-folder.ts'
import { makeTopic, uniqueTopic } from './topics.ts'
import { waitFor } from './wait-for.ts'

export type Holder = 'a' | 'b'

/** A home cluster and its standby that a test may break, of one broker each, and the shared consumer cluster. */
export interface TwoClusters {
  readonly a: KafkaCluster
  readonly b: KafkaCluster
  readonly consumer: readonly string[]
}

export async function twoClusters(owner: Cleanup): Promise<TwoClusters> {
  const [a, b, consumer] = await Promise.all([
    privateCluster(owner),
    privateCluster(owner),
    sharedCluster('consumer'),
  ])
  return { a, b, consumer: consumer.bootstrap }
}

/** One topic that moves between the two, with a route to the consumer cluster and one to files. */
export class MovingTopic {
  readonly topic: string
  readonly routes: readonly RouteSpec[]
  readonly #clusters: TwoClusters
  readonly #owner: Cleanup
  readonly #folder: string
  readonly #partitions: number
  #placement: PlacementServer | undefined

  constructor(owner: Cleanup, clusters: TwoClusters, name: string, partitions: number) {
    this.topic = uniqueTopic(name)
    this.#clusters = clusters
    this.#owner = owner
    this.#partitions = partitions
    this.#folder = temporaryFolder(owner)
    this.routes = [kafkaRoute(this.topic), fileRoute(this.topic, join(this.#folder, 'out'))]
  }

  /** Makes the topic on one of the two; the function it returns deletes it. */
  make(holder: Holder | 'consumer'): Promise<() => Promise<void>> {
    const { a, b, consumer } = this.#clusters
    const bootstrap = holder === 'consumer' ? consumer : { a, b }[holder].bootstrap
    return makeTopic(bootstrap, this.topic, { partitions: this.#partitions })
  }

  async place(changes: Partial<TopicPlacement>, routes = this.routes): Promise<void> {
    const { a, b, consumer } = this.#clusters
    const document: PlacementDocument = {
      storeId: 'test',
      leaseTerm: 1,
      version: 1,
      clusters: [
        { id: 'a', role: 'fronting', bootstrap: a.bootstrap },
        { id: 'b', role: 'standby', bootstrap: b.bootstrap },
        { id: 'consumer', role: 'consumer', bootstrap: consumer },
      ],
      placements: [placedTopic(this.topic, { partitions: this.#partitions, ...changes })],
      routes,
    }
    if (this.#placement === undefined) this.#placement = await PlacementServer.start(this.#owner, document)
    else this.#placement.replace({ placements: document.placements, routes })
  }

  /** `name`: of a router whose files are its own. */
  startRouter(args: readonly string[] = [], name = 'router'): Promise<StartedRouter> {
    if (this.#placement === undefined) throw new Error('the topic is not placed yet')
    return startRouter(this.#owner, this.#placement.url, join(this.#folder, name), args)
  }

  /** A producer for one of the two: the values `{"n":…}` of a range to a partition. */
  async producer(holder: Holder): Promise<(partition: number, from: number, to: number) => Promise<void>> {
    const produce = await testProducer(this.#owner, this.#clusters[holder].bootstrap)
    return (partition, from, to) =>
      produce(
        this.topic,
        partition,
        Array.from({ length: to - from }, (_, index) => ({
          key: `key-${partition}`,
          value: lineOf(from + index),
        })),
      )
  }

  /** Waits until every route has committed so many records of the holder: what a killed cluster holds is read from there again. */
  async untilCommitted(holder: Holder, records: number): Promise<void> {
    const { bootstrap } = this.#clusters[holder]
    await waitFor(async () => (await committedRecords(bootstrap, this.topic, this.routes)) === records, {
      describe: `${records} records of ${holder} to be committed by each route`,
    })
  }

  /** Numbers in the consumer cluster, in order, by partition. */
  async inKafka(): Promise<ReadonlyMap<number, readonly number[]>> {
    const numbers = new Map<number, number[]>()
    for (const { partition, value } of await readAll(this.#clusters.consumer, this.topic)) {
      numbers.set(partition, [...(numbers.get(partition) ?? []), numberOf(String(value))])
    }
    return numbers
  }

  /** Numbers in the files, in order. */
  inFiles(): readonly number[] {
    return ndjsonLines(join(this.#folder, 'out')).map(numberOf)
  }

  /** Waits until both sinks have exactly the numbers below `count`, each once. */
  async untilArrived(count: number, state: () => unknown, timeoutMs = 30_000): Promise<void> {
    const expected = Array.from({ length: count }, (_, index) => index).join()
    const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b).join()
    // Those in files are seen sooner.
    const options = { timeoutMs, intervalMs: 20, state }
    await waitFor(() => sorted(this.inFiles()) === expected, {
      ...options,
      describe: `${count} lines, each once`,
      state: () => ({ files: this.inFiles().length, state: state() }),
    })
    await waitFor(async () => sorted([...(await this.inKafka()).values()].flat()) === expected, {
      ...options,
      describe: `${count} records in the consumer cluster, each once`,
    })
  }
}

/** Whole lines of all files of a file sink, in order. */
export function ndjsonLines(directory: string): readonly string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .filter((name) => name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
}

function lineOf(number: number): string {
  return JSON.stringify({ n: number })
}

function numberOf(line: string): number {
  return (JSON.parse(line) as { n: number }).n
}
