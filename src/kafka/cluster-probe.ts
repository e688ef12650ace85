import { Connection, findCoordinatorV6, metadataV12 } from '@platformatic/kafka'

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
  const colon = address.lastIndexOf(':')
  const connection = new Connection('forebay-probe', {
    connectTimeout: deadlineMs,
    requestTimeout: deadlineMs,
  })
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`${address} did not answer within ${deadlineMs} ms`)),
    deadlineMs,
  )
  const ask = async (): Promise<BrokerView> => {
    await connection.connect(address.slice(0, colon), Number(address.slice(colon + 1)))
    const { brokers } = await metadataV12.api.async(connection, [], false, false)
    const found =
      coordinators &&
      (await hasCoordinator(connection, groupKey)) &&
      (await hasCoordinator(connection, transactionKey))
    return { brokerIds: brokers.map(({ nodeId }) => nodeId).sort((a, b) => a - b), coordinators: found }
  }
  try {
    return await Promise.race([ask(), late.promise])
  } finally {
    clearTimeout(timer)
    // A connection that never opened has nothing to close, and says so by rejecting.
    connection.close().catch(() => undefined)
  }
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
