import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Connection, ConnectionOptions } from '@platformatic/kafka'
import { type Clock, systemClock } from '../core/clock.ts'
import type { BrokerAddress } from './frame-socket.ts'

export interface NameCacheOptions {
  /** All addresses of a name, the best first; rejects when they cannot be found out. */
  readonly lookup: (host: string) => Promise<readonly string[]>
  readonly clock: Clock
  /** Nobody waits longer than this for a name whose address was known before. */
  readonly patienceMs: number
}

interface Name {
  /** The last answer; empty before the first. */
  addresses: readonly string[]
  asking: Promise<void> | undefined
  /** Monotonic, of the question that `asking` is about. */
  askedMs: number
}

/**
 * The last known addresses of brokers. The operating system is asked anew for each connection, because addresses change; where it does
 * not know, or not within `patienceMs`, the last answer stands, so that an outage of the name server stops nobody who was there before.
 *
 * There is one question at a time for each name. `getaddrinfo` cannot be called off and occupies a thread until the name server's time
 * limit (10 s and more); with a question for each attempt to connect, thousands would still stand in line when it answers again.
 * Holds as many names as there are brokers.
 */
export class NameCache {
  readonly #options: NameCacheOptions
  readonly #names = new Map<string, Name>()

  constructor(options: NameCacheOptions) {
    this.#options = options
  }

  /** At least one address. Rejects only where no address was ever known and the question is answered so. */
  async addresses(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host]
    const name = this.#name(host)
    const asking = this.#ask(host, name)
    if (name.addresses.length === 0) await asking
    else await this.#patiently(asking, name.askedMs)
    return name.addresses
  }

  #name(host: string): Name {
    let name = this.#names.get(host)
    if (name === undefined) {
      name = { addresses: [], asking: undefined, askedMs: 0 }
      this.#names.set(host, name)
    }
    return name
  }

  #ask(host: string, name: Name): Promise<void> {
    if (name.asking !== undefined) return name.asking
    name.askedMs = this.#options.clock.monotonicMs()
    const asking = this.#options.lookup(host).then((found) => {
      if (found.length > 0) name.addresses = found
      if (name.addresses.length === 0) throw new Error(`${host} has no address`)
    })
    name.asking = asking
    const answered = (): void => {
      name.asking = undefined
    }
    asking.then(answered, answered)
    return asking
  }

  /** Resolves when the question is answered somehow, or was asked `patienceMs` ago. */
  async #patiently(asking: Promise<void>, askedMs: number): Promise<void> {
    const { clock, patienceMs } = this.#options
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, Math.max(0, askedMs + patienceMs - clock.monotonicMs()))
    const answered = asking.catch(() => {
      // The last answer stands.
    })
    await Promise.race([answered, late.promise])
    clearTimeout(timer)
  }
}

/** Of this process: the threads that wait for names are common to all clusters too. */
const brokerNames = new NameCache({
  lookup: async (host) =>
    (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address),
  clock: systemClock,
  patienceMs: 500,
})

/**
 * Connects, and goes on with the name's next address where one refuses. Rejects when none accepts, and after `timeoutMs` when the name
 * was never known and is not found; each address has the time limit of the connection's own.
 */
export async function connectByName(
  connection: Connection,
  { host, port }: BrokerAddress,
  timeoutMs: number,
  names: NameCache = brokerNames,
): Promise<void> {
  const late = Promise.withResolvers<never>()
  const error = new Error(`the name ${host} was not resolved within ${timeoutMs} ms`)
  const timer = setTimeout(() => late.reject(error), timeoutMs)
  const addresses = await Promise.race([names.addresses(host), late.promise]).finally(() =>
    clearTimeout(timer),
  )
  for (const [index, address] of addresses.entries()) {
    try {
      await connection.connect(address, port)
      return
    } catch (failure) {
      // One that timed out cannot be used again.
      if (index === addresses.length - 1 || connection.status !== 'error') throw failure
    }
  }
}

/** TLS holds the certificate against the broker's name, though we connect to an address. */
export function certifiedAs(
  host: string,
  security: Pick<ConnectionOptions, 'tls' | 'sasl'> | undefined,
): Pick<ConnectionOptions, 'tls' | 'sasl'> | undefined {
  const { tls } = security ?? {}
  return tls === undefined || isIP(host) !== 0 ? security : { ...security, tls: { servername: host, ...tls } }
}
