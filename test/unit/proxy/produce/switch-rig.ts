import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Clock } from '../../../../src/core/clock.ts'
import { imbalance, Ledger } from '../../../../src/core/outcome.ts'
import type { PlacementDocument, TopicPlacement } from '../../../../src/core/placement.ts'
import { EventBuffer } from '../../../../src/proxy/buffer/event-buffer.ts'
import {
  ClusterProducers,
  type ClusterProducersOptions,
} from '../../../../src/proxy/produce/cluster-producers.ts'
import { placedTopic } from '../../../support/placed-topic.ts'
import { stagedEvents } from '../../../support/staged-events.ts'
import type { Cleanup } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { FakeCluster, type HeldRequest } from '../../kafka/fake-cluster.ts'

export const topic = 'rig.topic'
export type ClusterName = 'a' | 'b'

/** The buffer and the producers of a proxy before two clusters that answer when the test says so. */
export class SwitchRig {
  readonly ledger = new Ledger()
  readonly counts = this.ledger.topic(topic)
  readonly producers: ClusterProducers
  readonly buffer: EventBuffer
  /** Messages of the log, in order. */
  readonly lines: string[] = []
  readonly #clusters: Readonly<Record<ClusterName, FakeCluster>>
  #version = 0
  #placed: ClusterName = 'a'
  #skewMs = 0

  constructor(
    clusters: Readonly<Record<ClusterName, FakeCluster>>,
    options: Partial<ClusterProducersOptions> & { readonly deliveryTimeoutMs?: number },
  ) {
    this.#clusters = clusters
    const clock: Clock = {
      monotonicMs: () => performance.now() + this.#skewMs,
      wallMs: () => Date.now(),
    }
    const write = (line: string) => void this.lines.push((JSON.parse(line) as { msg: string }).msg)
    this.producers = new ClusterProducers({
      clock,
      ledger: this.ledger,
      logger: pino({ level: 'info' }, { write }),
      requestTimeoutMs: 60_000,
      requestTimeoutAllMs: 60_000,
      batchBytes: 16_384,
      lane: { leaveOutMs: 1 },
      metadataIntervalMs: 1,
      ...options,
    })
    this.buffer = new EventBuffer({
      limitBytes: 64 * 2 ** 20,
      batchBytes: 16_384,
      lingerMs: 60_000,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 600_000,
      clock,
      ledger: this.ledger,
      submit: (batch) => this.producers.submit(batch),
    })
  }

  static async start(
    owner: Cleanup,
    options: Partial<ClusterProducersOptions> & { readonly deliveryTimeoutMs?: number } = {},
  ): Promise<SwitchRig> {
    const a = await FakeCluster.start(owner)
    const b = await FakeCluster.start(owner)
    for (const cluster of [a, b]) cluster.makeTopic(topic, 4)
    const rig = new SwitchRig({ a, b }, options)
    owner.after(() => rig.producers.drain(0).then(() => undefined))
    return rig
  }

  get a(): FakeCluster {
    return this.#clusters.a
  }

  get b(): FakeCluster {
    return this.#clusters.b
  }

  get version(): number {
    return this.#version
  }

  /** The cluster where the topic is not. */
  get elsewhere(): ClusterName {
    return this.#placed === 'a' ? 'b' : 'a'
  }

  /** Places the topic there, as version 1, 2, 3… */
  place(cluster: ClusterName, more: Partial<TopicPlacement> = {}): void {
    this.#placed = cluster
    this.placeAll([this.#placement(cluster, more)])
  }

  placeAll(placements: readonly TopicPlacement[]): void {
    this.#version += 1
    const document: PlacementDocument = {
      storeId: 'test',
      leaseTerm: 1,
      version: this.#version,
      clusters: [
        { id: 'a', role: 'fronting', bootstrap: this.a.bootstrap },
        { id: 'b', role: 'standby', bootstrap: this.b.bootstrap },
      ],
      placements,
      routes: [],
    }
    this.producers.place(document)
  }

  /** Each becomes a batch of its own. */
  send(values: readonly string[], key?: string, more: Partial<TopicPlacement> = {}): void {
    for (const value of values) {
      const events = stagedEvents([value], { key: key === undefined ? undefined : Buffer.from(key) })
      assert.equal(this.buffer.offer(this.#placement('a', more), events), 'ok')
      this.buffer.flush()
    }
  }

  #placement(cluster: ClusterName, more: Partial<TopicPlacement>): TopicPlacement {
    return placedTopic(topic, { cluster, standby: 'b', holders: ['a', 'b'], partitions: 4, ...more })
  }

  /** So much time goes by for everything that reads the clock; real timers are not touched. */
  pass(ms: number): void {
    this.#skewMs += ms
  }

  /** The first request that the cluster holds, when there is one that has the value. */
  async held(cluster: ClusterName, value: string): Promise<HeldRequest> {
    const has = (request: HeldRequest) => request.parts.some(({ values }) => values.includes(value))
    return waitFor(() => this.#clusters[cluster].held.find(has), {
      describe: `${value} to be sent to ${cluster}`,
      intervalMs: 1,
      state: () => this.seen(),
    })
  }

  async settled(): Promise<void> {
    await waitFor(() => this.counts.inFlight === 0, {
      describe: 'every event to have its outcome',
      intervalMs: 1,
      state: () => this.seen(),
    })
  }

  /** No event is counted twice or not at all, at any instant. */
  assertConserved(): void {
    assert.equal(imbalance(this.counts), 0)
    let waiting = 0
    for (const [, { account }] of this.producers.all()) waiting += account.events
    assert.equal(waiting, this.counts.inFlight, 'what waits with the producers, and what is in flight')
  }

  seen(): object {
    const { counts, a, b, lines } = this
    return { counts, a: a.held, b: b.held, logs: [a.log, b.log], lines }
  }
}
