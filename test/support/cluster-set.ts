import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import type { BrokerSpec } from '../../deploy/local/broker-settings.ts'
import { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import { commandLine, endOrphan, isAlive, readPidFile, writePidFile } from '../../deploy/local/pid-file.ts'
import { brokerDisk } from './broker-disk.ts'
import { freePort, freePorts } from './free-port.ts'

const brokerCounts = { fronting: 3, consumer: 1, standby: 1 } as const
export type SharedClusterName = keyof typeof brokerCounts

/** Where a cluster that several tests share is to be reached. They never stop or pause its brokers. */
export interface ClusterAddress {
  readonly bootstrap: readonly string[]
  readonly brokers: readonly {
    readonly id: number
    readonly port: number
    readonly pid?: number | undefined
  }[]
}

const setsFolder = join(brokerDisk(), 'forebay-test-kafka')

/**
 * The clusters of one test run, owned by this process. Each is started when it is first asked for; other processes ask over HTTP:
 * `GET <url>/<name>` answers a `ClusterAddress`.
 */
export class ClusterSet {
  readonly #folder = join(setsFolder, `${process.pid}-${Date.now()}`)
  readonly #clusters = new Map<SharedClusterName, KafkaCluster>()
  readonly #addresses = new Map<SharedClusterName, Promise<ClusterAddress>>()
  #server: Server | undefined

  constructor() {
    mkdirSync(this.#folder, { recursive: true })
    writePidFile(join(this.#folder, 'owner.pid'), {
      pid: process.pid,
      marker: commandLine(process.pid) ?? 'node',
    })
  }

  /** Starts to answer other processes; returns the URL. */
  async listen(): Promise<string> {
    const server = createServer((request, response) => {
      const name = request.url?.slice(1) ?? ''
      const answer = isSharedCluster(name) ? this.get(name) : Promise.reject(new Error(`no cluster ${name}`))
      answer.then(
        (address) => response.end(JSON.stringify(address)),
        (error: Error) => response.writeHead(500).end(error.message),
      )
    })
    this.#server = server
    const port = await freePort()
    const listening = Promise.withResolvers<void>()
    server.once('error', listening.reject)
    server.listen(port, '127.0.0.1', listening.resolve)
    await listening.promise
    return `http://127.0.0.1:${port}`
  }

  /** Settles when the cluster is ready; the second caller gets the same promise. */
  get(name: SharedClusterName): Promise<ClusterAddress> {
    const known = this.#addresses.get(name)
    if (known !== undefined) return known
    const starting = this.#start(name)
    this.#addresses.set(name, starting)
    return starting
  }

  async #start(name: SharedClusterName): Promise<ClusterAddress> {
    const count = brokerCounts[name]
    const cluster = new KafkaCluster({
      name,
      directory: join(this.#folder, name),
      brokers: brokerSpecs(await freePorts(2 * count)),
      say: (line) => console.error(line),
      onBrokerExit: ({ id, logTail }) =>
        console.error(`broker ${name}/${id} of the test clusters ended by itself:\n${logTail}`),
    })
    this.#clusters.set(name, cluster)
    await cluster.start()
    return { bootstrap: cluster.bootstrap, brokers: cluster.brokers }
  }

  /** Ends everything and deletes the data. */
  async stop(): Promise<void> {
    this.#server?.close()
    this.#server?.closeAllConnections()
    // The data is thrown away, so there is nothing to wait for; a start in progress fails when its brokers vanish.
    this.killNow()
    await Promise.all([...this.#clusters.values()].map((cluster) => cluster.stop(0)))
    await Promise.allSettled(this.#addresses.values())
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** For an exit that cannot wait. */
  killNow(): void {
    for (const cluster of this.#clusters.values()) cluster.killNow()
  }
}

/** Brokers with racks a, b, c… from `ports`: first the client ports, then as many for the controllers. */
export function brokerSpecs(ports: readonly number[]): BrokerSpec[] {
  const count = Math.floor(ports.length / 2)
  return Array.from({ length: count }, (_, index) => ({
    port: ports[index] ?? 0,
    controllerPort: ports[count + index] ?? 0,
    rack: String.fromCharCode('a'.charCodeAt(0) + index),
  }))
}

/** Ends the brokers of test runs that were killed with -9, and deletes what they left. */
export async function removeOrphanedSets(): Promise<void> {
  mkdirSync(setsFolder, { recursive: true })
  for (const name of readdirSync(setsFolder)) {
    const folder = join(setsFolder, name)
    const owner = readPidFile(join(folder, 'owner.pid'))
    // One without an owner may be just being made.
    const justMade = owner === undefined && Date.now() - statSync(folder).mtimeMs < 60_000
    if (justMade || (owner !== undefined && isAlive(owner))) continue
    for (const path of readdirSync(folder, { recursive: true }).map(String)) {
      if (path.endsWith('broker.pid')) await endOrphan(join(folder, path), 0)
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

export function isSharedCluster(name: string): name is SharedClusterName {
  return Object.hasOwn(brokerCounts, name)
}
