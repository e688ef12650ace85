import { type Connection, findCoordinatorV6, metadataV12 } from '@platformatic/kafka'
import { withBroker } from './broker-call.ts'
import { parseAddress } from './cluster-metadata.ts'

/** What one broker knows of its cluster. */
export interface BrokerView {
  /** Brokers that are registered and not fenced, ascending. */
  readonly brokerIds: readonly number[]
  /** True when both a group and a transaction coordinator can be found: the internal topics exist and have leaders. */
  readonly coordinators: boolean
}

export interface ProbeOptions {
  /** Longest time for the whole answer. */
  readonly deadlineMs: number
  /** Ask for the coordinators too, which makes the internal topics when they are missing. */
  readonly coordinators: boolean
}

const groupKey = 0
const transactionKey = 1

/**
 * Asks the broker at `address` (`host:port`) over a connection of its own. Rejects when it does not answer within the deadline; a
 * missing coordinator is an answer, not an error.
 */
export async function probeBroker(
  address: string,
  { deadlineMs, coordinators }: ProbeOptions,
): Promise<BrokerView> {
  const options = { clientId: 'forebay-probe', timeoutMs: deadlineMs }
  return withBroker(parseAddress(address), options, async (connection) => {
    const { brokers } = await metadataV12.api.async(connection, [], false, false)
    const found =
      coordinators &&
      (await hasCoordinator(connection, groupKey)) &&
      (await hasCoordinator(connection, transactionKey))
    return { brokerIds: brokers.map(({ nodeId }) => nodeId).sort((a, b) => a - b), coordinators: found }
  })
}

async function hasCoordinator(connection: Connection, keyType: number): Promise<boolean> {
  try {
    const { coordinators } = await findCoordinatorV6.api.async(connection, keyType, ['forebay-probe'])
    return coordinators.every(({ nodeId }) => nodeId >= 0)
  } catch (error) {
    // COORDINATOR_NOT_AVAILABLE while the internal topic is being made; anything else is for the caller.
    if (error instanceof Error && 'response' in error) return false
    throw error
  }
}
