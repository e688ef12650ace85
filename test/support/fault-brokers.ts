import { Kafka, logLevel } from 'kafkajs'
import type { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import type { ClusterAddress } from './cluster-set.ts'
import { type TcpFault, TcpFaultProxy } from './fault-tcp-proxy.ts'
import { type PrivateClusterOptions, privateCluster } from './private-cluster.ts'
import type { Cleanup } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

export const brokerIds = [1, 2, 3] as const

/** Three brokers that can be broken one by one, each behind a TCP proxy that clients are told to connect to. */
export interface FaultCluster {
  /** Of the TCP proxies, where there are any. */
  readonly bootstrap: readonly string[]
  /** SIGKILL; its port refuses. */
  kill(broker: number): Promise<void>
  /** SIGSTOP: sockets stay open, nothing answers. */
  pause(broker: number): Promise<void>
  /** SIGCONT. */
  resume(broker: number): Promise<void>
  /** Of the way to this broker; `{}` ends it. */
  fault(broker: number, fault: TcpFault): Promise<void>
  /** Ends every fault, starts and resumes every broker, and waits until every replica of every topic is in sync. */
  heal(): Promise<void>
}

/** How all brokers are lost at once and come back; `does` is for the test's name. */
export const wholeClusterOutages = [
  {
    outage: 'hung',
    does: 'hangs and wakes up',
    inject: (cluster: FaultCluster, broker: number) => cluster.pause(broker),
    end: async (cluster: FaultCluster) => {
      for (const id of brokerIds) await cluster.resume(id)
    },
  },
  {
    outage: 'killed',
    does: 'is killed and started again',
    inject: (cluster: FaultCluster, broker: number) => cluster.kill(broker),
    end: (cluster: FaultCluster) => cluster.heal(),
  },
] as const

/** The cluster in the process that owns it. Without TCP proxies ways cannot be broken, but nodes can, dedicated controllers too. */
export class OwnedFaultCluster implements FaultCluster {
  readonly bootstrap: readonly string[]
  /** For what a row needs beyond faults. */
  readonly kafka: KafkaCluster
  /** In the order of the ids. */
  readonly proxies: readonly TcpFaultProxy[]

  constructor(cluster: KafkaCluster, proxies: readonly TcpFaultProxy[] = []) {
    this.bootstrap = cluster.bootstrap
    this.kafka = cluster
    this.proxies = proxies
  }

  get address(): ClusterAddress {
    const brokers = this.kafka.brokers.map(({ id, pid }) => ({ id, pid, port: this.#proxy(id).port }))
    return { bootstrap: this.bootstrap, brokers }
  }

  async kill(broker: number): Promise<void> {
    await this.kafka.killBroker(broker)
    await this.proxies[broker - 1]?.down()
  }

  async pause(broker: number): Promise<void> {
    this.kafka.pauseBroker(broker)
  }

  async resume(broker: number): Promise<void> {
    this.kafka.resumeBroker(broker)
  }

  async fault(broker: number, fault: TcpFault): Promise<void> {
    this.#proxy(broker).set(fault)
  }

  async heal(): Promise<void> {
    for (const proxy of this.proxies) proxy.set({})
    await Promise.all(this.proxies.map((proxy) => proxy.up()))
    for (const { id, state } of this.kafka.brokers) if (state === 'paused') this.kafka.resumeBroker(id)
    const down = this.kafka.brokers.filter(({ pid }) => pid === undefined)
    await Promise.all(down.map(({ id }) => this.kafka.startBroker(id)))
    await this.kafka.ready()
    await untilInSync(this.bootstrap)
  }

  #proxy(broker: number): TcpFaultProxy {
    const proxy = this.proxies[broker - 1]
    if (proxy === undefined) throw new RangeError(`there is no broker ${broker}`)
    return proxy
  }
}

/** What another process may ask for. */
export const faultMethods = ['kill', 'pause', 'resume', 'fault', 'heal'] as const

/** Starts the cluster; stopped and deleted after whatever `owner` stands for. */
export async function startFaultCluster(
  owner: Cleanup,
  more: Pick<PrivateClusterOptions, 'shape' | 'prepare'> = {},
): Promise<OwnedFaultCluster> {
  const proxies = await Promise.all(brokerIds.map(() => TcpFaultProxy.listen()))
  owner.after(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()))
  })
  const cluster = await privateCluster(owner, {
    brokers: brokerIds.length,
    advertisedPorts: proxies.map(({ port }) => port),
    // A leader that goes back by itself would lose what acks=1 had not replicated, in the middle of another row.
    config: { 'auto.leader.rebalance.enable': 'false' },
    ...more,
  })
  for (const [index, { port }] of cluster.brokers.entries()) proxies[index]?.target(port)
  return new OwnedFaultCluster(cluster, proxies)
}

/** Settles when every replica of every topic of the cluster is in sync; rejects after a minute with those that are not. */
export async function untilInSync(bootstrap: readonly string[]): Promise<void> {
  const kafka = new Kafka({ clientId: 'fault-cluster', brokers: [...bootstrap], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    const behind = async () => {
      const { topics } = await admin.fetchTopicMetadata()
      const partitions = topics.flatMap(({ name, partitions: all }) => all.map((one) => ({ ...one, name })))
      return partitions.filter(({ isr, replicas }) => isr.length < replicas.length)
    }
    let last: Awaited<ReturnType<typeof behind>> = []
    await waitFor(
      async () => {
        last = await behind()
        return last.length === 0
      },
      { describe: 'every replica in sync', timeoutMs: 60_000, intervalMs: 200, state: () => last },
    )
  } finally {
    await admin.disconnect()
  }
}
