/** One combined broker and controller of a local cluster, or only one of both; everything listens on 127.0.0.1. */
export interface BrokerSpec {
  /** Nothing listens on it where `role` is `controller`. */
  readonly port: number
  /** Nothing listens on it where `role` is `broker`. */
  readonly controllerPort: number
  readonly rack?: string
  /** Both unless it says which. */
  readonly role?: 'broker' | 'controller'
  /** Not started with the cluster, only by `startBroker`: what is there to be scaled up. */
  readonly asleep?: boolean
  /**
   * What clients are told to connect to instead of `port`: a TCP proxy of a test. Brokers then talk to each other on `internalPort`.
   * `host`: a name instead of 127.0.0.1.
   */
  readonly advertised?: { readonly port: number; readonly internalPort: number; readonly host?: string }
}

/** Whether clients can talk to it. */
export function servesClients({ role }: BrokerSpec): boolean {
  return role !== 'controller'
}

/** Whether it has a vote in the controller quorum. */
export function votes({ role }: BrokerSpec): boolean {
  return role !== 'broker'
}

export interface BrokerSettingsInput {
  /** 1..n; index + 1 in `brokers`. */
  readonly id: number
  readonly brokers: readonly BrokerSpec[]
  /** Absolute. */
  readonly dataDirectory: string
  /** Wins over everything else. */
  readonly extra: Readonly<Record<string, string>>
}

/**
 * The properties of one broker (semantics "Failover and failback": short sessions, so that a dead broker is noticed in seconds; no
 * topic by accident).
 */
export function brokerSettings({
  id,
  brokers,
  dataDirectory,
  extra,
}: BrokerSettingsInput): Record<string, string> {
  const spec = brokers[id - 1]
  if (spec === undefined) throw new RangeError(`no broker ${id} among ${brokers.length}`)
  // Three replicas with two in sync: one dead broker stops neither commits nor transactions, and no committed offset is lost with
  // it. One in sync would not keep commits going longer: with two brokers dead the controller quorum is gone and no ISR shrinks.
  // A broker that sleeps cannot hold a replica when the internal topics are made.
  const replicas = Math.min(3, brokers.filter((one) => servesClients(one) && one.asleep !== true).length)
  const minInSync = Math.max(1, replicas - 1)
  return {
    'process.roles': spec.role ?? 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': brokers
      .flatMap((one, index) => (votes(one) ? [`${index + 1}@127.0.0.1:${one.controllerPort}`] : []))
      .join(','),
    'controller.listener.names': 'CONTROLLER',
    ...listeners(spec),
    ...(spec.rack === undefined ? {} : { 'broker.rack': spec.rack }),
    'log.dirs': dataDirectory,
    'auto.create.topics.enable': 'false',
    'delete.topic.enable': 'true',
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '10000',
    'group.initial.rebalance.delay.ms': '0',
    // Few partitions of the internal topics: each costs files and start time, and a local stack has a handful of groups.
    'offsets.topic.num.partitions': '6',
    'offsets.topic.replication.factor': String(replicas),
    'transaction.state.log.num.partitions': '3',
    'transaction.state.log.replication.factor': String(replicas),
    'transaction.state.log.min.isr': String(minInSync),
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': String(replicas),
    'share.coordinator.state.topic.min.isr': String(minInSync),
    'num.network.threads': '2',
    'num.io.threads': '4',
    'num.recovery.threads.per.data.dir': '1',
    // The default of 128 MiB is taken from the heap at the start.
    'log.cleaner.dedupe.buffer.size': String(8 * 2 ** 20),
    ...extra,
  }
}

function listeners(spec: BrokerSpec): Record<string, string> {
  const { port, controllerPort, advertised } = spec
  const own = `PLAINTEXT://127.0.0.1:${port}`
  const protocols = 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT'
  const onlyController = `CONTROLLER://127.0.0.1:${controllerPort}`
  if (!servesClients(spec)) return { listeners: onlyController, 'listener.security.protocol.map': protocols }
  const controller = votes(spec) ? `,${onlyController}` : ''
  if (advertised === undefined) {
    return {
      listeners: `${own}${controller}`,
      'advertised.listeners': own,
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': protocols,
    }
  }
  const internal = `INTERNAL://127.0.0.1:${advertised.internalPort}`
  return {
    listeners: `${own},${internal}${controller}`,
    'advertised.listeners': `PLAINTEXT://${advertised.host ?? '127.0.0.1'}:${advertised.port},${internal}`,
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': protocols,
  }
}

/** As java.util.Properties reads it: backslashes doubled, one entry a line. */
export function propertiesText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
}
