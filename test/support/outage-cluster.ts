import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import { untilInSync } from './fault-brokers.ts'
import { type TcpFault, TcpFaultProxy } from './fault-tcp-proxy.ts'
import { privateCluster } from './private-cluster.ts'
import type { Cleanup } from './temporary-folder.ts'

export interface OutageClusterOptions {
  readonly brokers: number
  /** Clients come through a TCP proxy for each broker, so that the way can be slowed or cut. Costs CPU at high rates. */
  readonly behindProxies?: boolean
}

/** A cluster whose brokers are lost one by one or all at once, and come back with their disks or without. */
export class OutageCluster {
  readonly #cluster: KafkaCluster
  readonly #proxies: readonly TcpFaultProxy[]

  private constructor(cluster: KafkaCluster, proxies: readonly TcpFaultProxy[]) {
    this.#cluster = cluster
    this.#proxies = proxies
  }

  /** Started; stopped and deleted after whatever `owner` stands for. */
  static async start(
    owner: Cleanup,
    { brokers, behindProxies }: OutageClusterOptions,
  ): Promise<OutageCluster> {
    const ids = Array.from({ length: brokers }, (_, index) => index + 1)
    const proxies = behindProxies === true ? await Promise.all(ids.map(() => TcpFaultProxy.listen())) : []
    owner.after(async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()))
    })
    const cluster = await privateCluster(owner, {
      brokers,
      ...(behindProxies === true ? { advertisedPorts: proxies.map(({ port }) => port) } : {}),
    })
    for (const [index, { port }] of cluster.brokers.entries()) proxies[index]?.target(port)
    return new OutageCluster(cluster, proxies)
  }

  get bootstrap(): readonly string[] {
    return this.#cluster.bootstrap
  }

  get ids(): readonly number[] {
    return this.#cluster.brokers.map(({ id }) => id)
  }

  /** SIGKILL, all at the same moment; ports refuse. */
  async kill(brokers: readonly number[] = this.ids): Promise<void> {
    const running = new Set(this.#cluster.brokers.filter(({ pid }) => pid !== undefined).map(({ id }) => id))
    await Promise.all(
      brokers
        .filter((id) => running.has(id))
        .map(async (id) => {
          await this.#cluster.killBroker(id)
          await this.#proxies[id - 1]?.down()
        }),
    )
  }

  /** SIGSTOP: sockets stay open, nothing answers. */
  async pause(brokers: readonly number[] = this.ids): Promise<void> {
    for (const id of brokers) this.#cluster.pauseBroker(id)
  }

  /** SIGCONT to those. */
  resume(brokers: readonly number[]): void {
    for (const id of brokers) this.#cluster.resumeBroker(id)
  }

  /** A clean stop and a start of one broker, which waits until it is registered again. */
  async restart(broker: number): Promise<void> {
    await this.#cluster.stopBroker(broker)
    await this.#cluster.startBroker(broker)
    await untilInSync(this.bootstrap)
  }

  /** Of the ways to these brokers; `{}` ends it. */
  fault(fault: TcpFault, brokers: readonly number[] = this.ids): void {
    if (this.#proxies.length === 0) throw new Error('this cluster is not behind proxies')
    for (const id of brokers) this.#proxies[id - 1]?.set(fault)
  }

  /** Wakes and starts every broker; settles when every replica of every topic is in sync. */
  async heal(): Promise<void> {
    for (const proxy of this.#proxies) proxy.set({})
    await Promise.all(this.#proxies.map((proxy) => proxy.up()))
    for (const { id, state } of this.#cluster.brokers) if (state === 'paused') this.#cluster.resumeBroker(id)
    const down = this.#cluster.brokers.filter(({ pid }) => pid === undefined)
    await Promise.all(down.map(({ id }) => this.#cluster.startBroker(id)))
    await this.#cluster.ready()
    await untilInSync(this.bootstrap)
  }

  /** SIGKILL to all, and new, empty disks under the same cluster id. */
  async healWiped(): Promise<void> {
    await this.#cluster.stop(0)
    for (const id of this.ids)
      rmSync(join(this.#cluster.directory, `broker-${id}`, 'data'), { recursive: true, force: true })
    await Promise.all(this.#proxies.map((proxy) => proxy.up()))
    await this.#cluster.start()
  }
}
