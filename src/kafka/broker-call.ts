import { Connection, type ConnectionOptions } from '@platformatic/kafka'
import type { BrokerAddress } from './frame-socket.ts'
import { responseOf } from './group-errors.ts'
import { certifiedAs, connectByName } from './name-cache.ts'

export interface BrokerCallOptions {
  readonly clientId: string
  /** For the whole, connecting included. */
  readonly timeoutMs: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

/**
 * Asks one broker, for what no other can answer, over a connection that is closed afterwards. Rejects as the library does, after
 * `timeoutMs` with a sentence that names the broker, and with the reason of `signal` when that is aborted.
 */
export async function withBroker<Answer>(
  address: BrokerAddress,
  { clientId, timeoutMs, security }: BrokerCallOptions,
  use: (connection: Connection) => Promise<Answer>,
  signal?: AbortSignal,
): Promise<Answer> {
  signal?.throwIfAborted()
  const connection = new Connection(clientId, {
    connectTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    ...certifiedAs(address.host, security),
  })
  connection.on('error', () => {
    // The pending call rejects with it.
  })
  const ended = Promise.withResolvers<never>()
  const stop = () => ended.reject(signal?.reason)
  signal?.addEventListener('abort', stop)
  const timer = setTimeout(() => ended.reject(lateError(address, timeoutMs)), timeoutMs)
  const opening = connectByName(connection, address, timeoutMs)
  // Not awaited, nor `close`: that never settles on a connection whose connecting timed out.
  const destroy = () => void connection.socket?.destroy()
  try {
    return await Promise.race([opening.then(() => use(connection)), ended.promise])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
    destroy()
    // When its name is found out only now, it is connected nevertheless.
    opening.then(destroy, destroy)
  }
}

/**
 * The same, where an answer in which only a part failed is an answer: the library rejects with it hanging on the error. Rejects with a
 * sentence that names the broker.
 */
export async function callBroker<Answer>(
  address: BrokerAddress,
  options: BrokerCallOptions,
  use: (connection: Connection) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await withBroker(address, options, use)
  } catch (error) {
    const response = responseOf<Answer>(error)
    if (response !== undefined) return response
    throw lateError(address, options.timeoutMs, error)
  }
}

function lateError({ host, port }: BrokerAddress, timeoutMs: number, cause?: unknown): Error {
  return new Error(`broker ${host}:${port} did not answer within ${timeoutMs} ms`, { cause })
}
