import { describeQuorumV1 } from '@platformatic/kafka'
import { withBroker } from './broker-call.ts'
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
  const options = { clientId: 'forebay-quorum', timeoutMs: deadlineMs }
  const asked = [{ topicName: metadataTopic, partitions: [{ partitionIndex: 0 }] }]
  const { topics } = await withBroker(
    parseAddress(address),
    options,
    (connection) => describeQuorumV1.api.async(connection, asked),
    signal,
  )
  const partition = topics[0]?.partitions[0]
  if (partition === undefined || partition.leaderId < 0) throw new Error('the controllers have no leader')
  return { leader: partition.leaderId, voters: partition.currentVoters.map(({ replicaId }) => replicaId) }
}
