import { Connection, describeQuorumV1 } from '@platformatic/kafka'
import { parseAddress } from './cluster-metadata.ts'

/** What the leader of the controllers says of them. */
export interface QuorumDescription {
  readonly leader: number
  readonly voters: readonly number[]
}

const metadataTopic = '__cluster_metadata'

/**
 * Asks the broker at `address` (`host:port`), over a connection of its own, for the controller quorum: it passes the question on to the
 * leader of the controllers, so an answer proves that there is one. Metadata cannot: a broker that lost the quorum goes on to name a
 * controller (rules, "Kafka facts"). Rejects when no leader answers within `deadlineMs`, or when `signal` is aborted.
 */
export async function describeQuorum(
  address: string,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<QuorumDescription> {
  signal.throwIfAborted()
  const { host, port } = parseAddress(address)
  const connection = new Connection('forebay-quorum', {
    connectTimeout: deadlineMs,
    requestTimeout: deadlineMs,
  })
  connection.on('error', () => {
    // The pending call rejects with it.
  })
  const ended = Promise.withResolvers<never>()
  const stop = () => ended.reject(signal.reason)
  signal.addEventListener('abort', stop)
  const timer = setTimeout(
    () => ended.reject(new Error(`${address} did not tell of the quorum within ${deadlineMs} ms`)),
    deadlineMs,
  )
  try {
    return await Promise.race([ask(connection, host, port), ended.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    // Not `close`, which does not settle on a connection whose connecting timed out.
    connection.socket?.destroy()
  }
}

async function ask(connection: Connection, host: string, port: number): Promise<QuorumDescription> {
  await connection.connect(host, port)
  const { topics } = await describeQuorumV1.api.async(connection, [
    { topicName: metadataTopic, partitions: [{ partitionIndex: 0 }] },
  ])
  const partition = topics[0]?.partitions[0]
  if (partition === undefined || partition.leaderId < 0) throw new Error('the controllers have no leader')
  return { leader: partition.leaderId, voters: partition.currentVoters.map(({ replicaId }) => replicaId) }
}
