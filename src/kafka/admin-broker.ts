import { Connection, type ConnectionOptions } from '@platformatic/kafka'
import type { BrokerAddress } from './frame-socket.ts'

export interface BrokerCallOptions {
  readonly clientId: string
  /** For connecting, and again for the answer. */
  readonly timeoutMs: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

/**
 * Asks one broker, for what no other can answer, over a connection that is closed afterwards. An answer in which only a part failed is an
 * answer: the library rejects with it hanging on the error. Rejects with a sentence that names the broker.
 */
export async function callBroker<Answer>(
  { host, port }: BrokerAddress,
  { clientId, timeoutMs, security }: BrokerCallOptions,
  use: (connection: Connection) => Promise<Answer>,
): Promise<Answer> {
  const connection = new Connection(clientId, {
    connectTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    ...security,
  })
  connection.on('error', () => {
    // The pending call rejects with it.
  })
  try {
    await connection.connect(host, port)
    return await use(connection)
  } catch (error) {
    const { response } = error as { response?: Answer }
    if (response !== undefined) return response
    throw new Error(`broker ${host}:${port} did not answer within ${timeoutMs} ms`, { cause: error })
  } finally {
    // Not awaited: the library's `close` never settles on a connection whose connecting timed out.
    connection.socket?.destroy()
  }
}
