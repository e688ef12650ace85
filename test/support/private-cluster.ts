import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerSpec } from '../../deploy/local/broker-settings.ts'
import { KafkaCluster, type KafkaClusterOptions } from '../../deploy/local/kafka-cluster.ts'
import { brokerFolder } from './broker-disk.ts'
import { brokerSpecs } from './cluster-set.ts'
import { freePorts } from './free-port.ts'
import type { Cleanup } from './temporary-folder.ts'

export interface PrivateClusterOptions extends Pick<KafkaClusterOptions, 'config' | 'onBrokerExit'> {
  /** Default 1; racks a, b, c… in the order of the ids. */
  readonly brokers?: number
  /** One per broker: clients are told to connect here (a TCP proxy of the test) instead of to the broker's own port. */
  readonly advertisedPorts?: readonly number[]
  /** What is to be different of a node. `index` is its id − 1. */
  readonly shape?: (spec: BrokerSpec, index: number) => BrokerSpec
  /** Before anything is started; data of node `id` will be in `<directory>/broker-<id>/data`. */
  readonly prepare?: (directory: string) => void
}

/** A started cluster for one test or suite that breaks brokers; stopped and deleted afterwards. */
export async function privateCluster(
  owner: Cleanup,
  { brokers = 1, advertisedPorts, shape = (spec) => spec, prepare, ...rest }: PrivateClusterOptions = {},
): Promise<KafkaCluster> {
  const specs = brokerSpecs(await freePorts(2 * brokers))
  const internalPorts = await freePorts(advertisedPorts?.length ?? 0)
  const folder = brokerFolder()
  const directory = join(folder, 'kafka')
  prepare?.(directory)
  const cluster = new KafkaCluster({
    name: 'private',
    directory,
    brokers: specs.map((spec, index) => {
      const port = advertisedPorts?.[index]
      const internalPort = internalPorts[index]
      const behind = port === undefined || internalPort === undefined
      return shape(behind ? spec : { ...spec, advertised: { port, internalPort } }, index)
    }),
    ...rest,
  })
  const forget = () => rmSync(folder, { recursive: true, force: true })
  owner.after(async () => {
    await cluster.stop(0)
    forget()
  })
  process.once('exit', () => {
    cluster.killNow()
    forget()
  })
  await cluster.start()
  return cluster
}
