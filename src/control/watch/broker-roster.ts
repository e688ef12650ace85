import type { BrokerAddress } from './broker-connection.ts'

export interface RosterEntry {
  /** Kafka's id; −1, −2 … for an address of the bootstrap list of which no broker's id is known. */
  readonly id: number
  readonly address: BrokerAddress
}

export interface HeardBroker {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

interface Known {
  readonly address: BrokerAddress
  /** Since when the cluster has been leaving it out on end, with a quorum; `undefined` = it names it, or may be wrong. */
  leftOutSinceMs: number | undefined
}

/** A broker that was taken away for good is believed gone after this; one that died is watched for longer than any hold-down matters. */
const forgetAfterMs = 10 * 60_000
/** Nobody answers for so long: the cluster may have moved, all addresses but those of the bootstrap list. */
const askBootstrapAfterMs = 10_000

/**
 * Which brokers a cluster has: the union of all that were ever named. It does not shrink because metadata does, which leaves out the dead.
 * An address of the bootstrap list stands for itself until it is known to be a broker's, or answers (then metadata name all brokers), so
 * that a cluster that is dead when we start is seen all the same. Pure: the clock is an argument.
 */
export class BrokerRoster {
  readonly #bootstrap: readonly BrokerAddress[]
  readonly #known = new Map<number, Known>()
  #lastHeardMs: number | undefined

  constructor(bootstrap: readonly BrokerAddress[]) {
    this.#bootstrap = bootstrap
    this.#addBootstrap()
  }

  entries(): readonly RosterEntry[] {
    return [...this.#known].map(([id, { address }]) => ({ id, address }))
  }

  /** Metadata that entry `from` gave. `hasQuorum`: of the controllers, lately; without one, metadata are of the past. */
  heard(from: number, brokers: readonly HeardBroker[], hasQuorum: boolean, nowMs: number): void {
    if (brokers.length === 0) return
    this.#lastHeardMs = nowMs
    if (from < 0) this.#known.delete(from)
    const named = new Set<number>()
    for (const { nodeId, host, port } of brokers) {
      named.add(nodeId)
      const before = this.#known.get(nodeId)
      const address =
        before !== undefined && sameAddress(before.address, { host, port }) ? before.address : { host, port }
      this.#known.set(nodeId, { address, leftOutSinceMs: undefined })
    }
    for (const [id, known] of this.#known) {
      if (named.has(id)) continue
      if (id < 0 && this.#isBrokers(known.address)) this.#known.delete(id)
      else if (!hasQuorum) known.leftOutSinceMs = undefined
      else if (known.leftOutSinceMs === undefined) known.leftOutSinceMs = nowMs
      else if (nowMs - known.leftOutSinceMs >= forgetAfterMs) this.#known.delete(id)
    }
  }

  /** A second without any metadata. */
  nobodyAnswered(nowMs: number): void {
    this.#lastHeardMs ??= nowMs
    if (nowMs - this.#lastHeardMs < askBootstrapAfterMs) return
    this.#addBootstrap()
    this.#lastHeardMs = nowMs
  }

  #addBootstrap(): void {
    for (const [index, address] of this.#bootstrap.entries()) {
      if (this.#isBrokers(address)) continue
      this.#known.set(-1 - index, { address, leftOutSinceMs: undefined })
    }
  }

  #isBrokers(address: BrokerAddress): boolean {
    for (const [id, known] of this.#known) if (id >= 0 && sameAddress(known.address, address)) return true
    return false
  }
}

function sameAddress(a: BrokerAddress, b: BrokerAddress): boolean {
  return a.host === b.host && a.port === b.port
}
