import { Problem } from '../../core/problems.ts'
import type { ClusterSpec } from '../../core/resources.ts'
import { ClusterAdmin, type ClusterDescription } from '../../kafka/admin.ts'
import { ClusterUnavailableError } from '../../kafka/admin-caller.ts'
import { KafkaRefusedError } from '../../kafka/admin-errors.ts'

interface Entry {
  readonly bootstrap: string
  readonly admin: ClusterAdmin
}

/** One admin client for each cluster, made anew when its addresses change. `close` ends all. */
export class ClusterAdmins {
  readonly #entries = new Map<string, Entry>()

  of(cluster: Pick<ClusterSpec, 'name' | 'bootstrap'>): ClusterAdmin {
    const bootstrap = cluster.bootstrap.join(',')
    const entry = this.#entries.get(cluster.name)
    if (entry?.bootstrap === bootstrap) return entry.admin
    void entry?.admin.close()
    const admin = new ClusterAdmin({ bootstrap: cluster.bootstrap, clientId: 'forebay-control' })
    this.#entries.set(cluster.name, { bootstrap, admin })
    return admin
  }

  async forget(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    this.#entries.delete(name)
    await entry?.admin.close()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((name) => this.forget(name)))
  }

  /** Asks the cluster itself, within `deadlineMs`; a Problem when it does not answer. */
  async describe(cluster: ClusterSpec, deadlineMs: number): Promise<ClusterDescription> {
    return asProblem(cluster.name, () => this.of(cluster).describeCluster(deadlineMs))
  }
}

/** Runs work on a cluster; its errors become what an HTTP client can use. */
export async function asProblem<Result>(cluster: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ClusterUnavailableError) {
      throw new Problem('cluster-unavailable', `cluster ${cluster}: ${error.message}`, {
        cause: error,
        retryAfterSeconds: 5,
      })
    }
    if (error instanceof KafkaRefusedError)
      throw new Problem('conflict', `cluster ${cluster} refuses: ${error.message}`, { cause: error })
    throw error
  }
}
