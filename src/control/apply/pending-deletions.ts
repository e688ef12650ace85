import type { Logger } from '../../telemetry/logger.ts'
import type { ClusterAdmins } from '../provision/clusters.ts'
import { deleteKafkaTopics } from '../provision/deletions.ts'
import type { Authority, ControlStore, PendingDeletion } from '../store/control-store.ts'

export interface DeletionOptions {
  readonly store: Pick<ControlStore, 'pendingDeletions' | 'deleted' | 'load'>
  readonly admins: ClusterAdmins
  readonly logger: Logger
}

const reachDeadlineMs = 2000

/**
 * Deletes the Kafka topics that are remembered as to be deleted, clusters side by side, so that one which is away holds nobody up for
 * longer than a call's deadline. What could not be deleted stays remembered; the topics are unplaced already.
 */
export async function deletePending(options: DeletionOptions, by: Authority): Promise<void> {
  const pending = await options.store.pendingDeletions()
  const byCluster = Map.groupBy(pending, ({ cluster }) => cluster)
  await Promise.all([...byCluster].map(([cluster, some]) => deleteOn(cluster, some, options, by)))
}

async function deleteOn(
  name: string,
  deletions: readonly PendingDeletion[],
  { store, admins, logger }: DeletionOptions,
  by: Authority,
): Promise<void> {
  try {
    const cluster = (await store.load()).Cluster.get(name)?.spec
    if (cluster !== undefined) {
      // A quick look first: an apply waits for this.
      await admins.describe(cluster, reachDeadlineMs)
      await deleteKafkaTopics(admins.of(cluster), deletions)
    }
    for (const deletion of deletions) await store.deleted(deletion, by)
    logger.info({ cluster: name, topics: deletions.map(({ topic }) => topic) }, 'Kafka topics are deleted')
  } catch (error) {
    const topics = deletions.length
    logger.warn({ cluster: name, topics, err: error }, 'Kafka topics could not be deleted: to be tried again')
  }
}
