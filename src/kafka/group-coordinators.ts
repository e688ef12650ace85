import { Connection, type ConnectionOptions, findCoordinatorV4 } from '@platformatic/kafka'
import { parseAddress } from './cluster-metadata.ts'
import type { BrokerAddress } from './frame-socket.ts'
import { certifiedAs, connectByName } from './name-cache.ts'

export interface GroupCoordinatorsOptions {
  readonly bootstrap: readonly string[]
  readonly clientId: string
  readonly requestTimeoutMs: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

const groupKey = 0

/**
 * The ways to the group coordinators of one cluster, shared by all routes: one connection per broker for heartbeats, commits and
 * lookups. JoinGroup and SyncGroup are held by the broker until every member has come, and a broker serves one request per connection
 * at a time: on the shared one they would hold up the heartbeats and commits of all other routes, so each gets a connection of its own
 * that is closed afterwards.
 */
export class GroupCoordinators {
  readonly #options: GroupCoordinatorsOptions
  readonly #shared = new Map<string, Promise<Connection>>()
  readonly #coordinators = new Map<string, BrokerAddress>()
  #next = 0
  #closed = false

  constructor(options: GroupCoordinatorsOptions) {
    this.#options = options
  }

  /** Calls `use` with the shared connection to the group's coordinator. After a failure of the connection the next call opens another. */
  async call<Result>(groupId: string, use: (connection: Connection) => Promise<Result>): Promise<Result> {
    const connection = await this.#share(await this.#find(groupId))
    return use(connection)
  }

  /** The same on a connection of its own; `signal` closes it. */
  async callAlone<Result>(
    groupId: string,
    timeoutMs: number,
    signal: AbortSignal,
    use: (connection: Connection) => Promise<Result>,
  ): Promise<Result> {
    const address = await this.#find(groupId)
    signal.throwIfAborted()
    const connection = this.#connection(address, timeoutMs)
    const abort = () => void connection.close().catch(() => undefined)
    signal.addEventListener('abort', abort)
    try {
      await connectByName(connection, address, this.#options.requestTimeoutMs)
      signal.throwIfAborted()
      return await use(connection)
    } finally {
      signal.removeEventListener('abort', abort)
      abort()
    }
  }

  /** The coordinator moved, or does not answer: look it up again before the next call. */
  forget(groupId: string): void {
    this.#coordinators.delete(groupId)
  }

  async close(): Promise<void> {
    this.#closed = true
    const open = [...this.#shared.values()]
    this.#shared.clear()
    for (const connection of await Promise.allSettled(open)) {
      if (connection.status === 'fulfilled') await connection.value.close().catch(() => undefined)
    }
  }

  async #find(groupId: string): Promise<BrokerAddress> {
    const known = this.#coordinators.get(groupId)
    if (known !== undefined) return known
    const { bootstrap } = this.#options
    let cause: unknown
    for (let attempt = 0; attempt < bootstrap.length; attempt += 1) {
      try {
        const connection = await this.#share(parseAddress(bootstrap[this.#next % bootstrap.length] ?? ''))
        const { coordinators } = await findCoordinatorV4.api.async(connection, groupKey, [groupId])
        const found = coordinators[0]
        if (found === undefined) throw new Error('the answer names no coordinator')
        const address = { host: found.host, port: found.port }
        this.#coordinators.set(groupId, address)
        return address
      } catch (error) {
        cause = error
        this.#next += 1
      }
    }
    throw new Error(`no coordinator of group ${groupId} was found`, { cause })
  }

  async #share(address: BrokerAddress): Promise<Connection> {
    if (this.#closed) throw new Error('the group connections are closed')
    const name = `${address.host}:${address.port}`
    const known = this.#shared.get(name)
    if (known !== undefined) {
      const connection = await known
      if (connection.isConnected()) return connection
      if (this.#shared.get(name) === known) this.#shared.delete(name)
      return this.#share(address)
    }
    const { requestTimeoutMs } = this.#options
    const connection = this.#connection(address, requestTimeoutMs)
    const shared = connectByName(connection, address, requestTimeoutMs).then(() => connection)
    this.#shared.set(name, shared)
    try {
      return await shared
    } catch (error) {
      if (this.#shared.get(name) === shared) this.#shared.delete(name)
      throw error
    }
  }

  #connection({ host }: BrokerAddress, requestTimeoutMs: number): Connection {
    const { clientId, security } = this.#options
    const connection = new Connection(clientId, {
      connectTimeout: this.#options.requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      ...certifiedAs(host, security),
    })
    connection.on('error', () => {
      // The pending calls reject with it; between calls the next one opens another connection.
    })
    return connection
  }
}
