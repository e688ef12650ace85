import { describeQuorum } from '../../src/kafka/quorum.ts'
import { type FaultCluster, OwnedFaultCluster } from './fault-brokers.ts'
import { privateCluster } from './private-cluster.ts'
import type { Cleanup } from './temporary-folder.ts'

/** Dedicated ones; the brokers are 1, 2 and 3. */
export const controllerIds = [4, 5, 6] as const

/** Three dedicated controllers and three brokers; `kill` and `heal` know the controllers too. */
export async function splitCluster(owner: Cleanup): Promise<FaultCluster> {
  const cluster = await privateCluster(owner, {
    brokers: 6,
    shape: (spec, index) => ({ ...spec, role: index < 3 ? 'broker' : 'controller' }),
    config: { 'auto.leader.rebalance.enable': 'false' },
  })
  return new OwnedFaultCluster(cluster)
}

/** The controller that leads the quorum, or `undefined` when no broker can say it within 2 s: then there is none. */
export async function activeController(bootstrap: readonly string[]): Promise<number | undefined> {
  for (const address of bootstrap) {
    try {
      const { leader } = await describeQuorum(address, 2000, new AbortController().signal)
      return leader
    } catch {
      // The next one may know.
    }
  }
  return undefined
}
