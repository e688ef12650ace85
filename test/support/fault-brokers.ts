import { Kafka, logLevel } from 'kafkajs'
import type { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import type { ClusterAddress } from './cluster-set.ts'
import { type TcpFault, TcpFaultProxy } from './fault-tcp-proxy.ts'
import { privateCluster } from './private-cluster.ts'
import type { Cleanup } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

export const brokerIds = [1, 2, 3] as const

/** Three brokers that can be broken one by one, each behind a TCP proxy that clients are told to connect to. */
export interface FaultCluster {
  /** Of the TCP proxies. */
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

/** The cluster in the process that owns it. */
export class OwnedFaultCluster implements FaultCluster {
  readonly bootstrap: readonly string[]
  readonly #cluster: KafkaCluster
  readonly #proxies: readonly TcpFaultProxy[]

  constructor(cluster: KafkaCluster, proxies: readonly TcpFaultProxy[]) {
    this.bootstrap = cluster.bootstrap
    this.#cluster = cluster
    this.#proxies = proxies
  }

  get address(): ClusterAddress {
    const brokers = this.#cluster.brokers.map(({ id, pid }) => ({ id, pid, port: this.#proxy(id).port }))
    return { bootstrap: this.bootstrap, brokers }
  }

  async kill(broker: number): Promise<void> {
    await this.#cluster.killBroker(broker)
    await this.#proxy(broker).down()
  }

  async pause(broker: number): Promise<void> {
    this.#cluster.pauseBroker(broker)
  }

  async resume(broker: number): Promise<void> {
    this.#cluster.resumeBroker(broker)
  }

  async fault(broker: number, fault: TcpFault): Promise<void> {
    this.#proxy(broker).set(fault)
  }

  async heal(): Promise<void> {
    for (const proxy of this.#proxies) proxy.set({})
    await Promise.all(this.#proxies.map((proxy) => proxy.up()))
    for (const { id, state } of this.#cluster.brokers) if (state === 'paused') this.#cluster.resumeBroker(id)
    const down = this.#cluster.brokers.filter(({ pid }) => pid === undefined)
    await Promise.all(down.map(({ id }) => this.#cluster.startBroker(id)))
    await this.#cluster.ready()
    await untilInSync(this.bootstrap)
  }

  #proxy(broker: number): TcpFaultProxy {
    const proxy = this.#proxies[broker - 1]
    if (proxy === undefined) throw new RangeError(`there is no broker ${broker}`)
    return proxy
  }
}

/** What another process may ask for. */
export const faultMethods = ['kill', 'pause', 'resume', 'fault', 'heal'] as const

/** Starts the cluster; stopped and deleted after whatever `owner` stands for. */
export async function startFaultCluster(owner: Cleanup): Promise<OwnedFaultCluster> {
  const proxies = await Promise.all(brokerIds.map(() => TcpFaultProxy.listen()))
  owner.after(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()))
  })
  const cluster = await privateCluster(owner, {
    brokers: brokerIds.length,
    advertisedPorts: proxies.map(({ port }) => port),
    // A leader that goes back by itself would lose what acks=1 had not replicated, in the middle of another row.
    config: { 'auto.leader.rebalance.enable': 'false' },
  })
  for (const [index, { port }] of cluster.brokers.entries()) proxies[index]?.target(port)
  return new OwnedFaultCluster(cluster, proxies)
}

async function untilInSync(bootstrap: readonly string[]): Promise<void> {
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
