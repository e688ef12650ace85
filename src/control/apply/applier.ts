import { Problem } from '../../core/problems.ts'
import type { ApplyChange, ApplyResult, RouteResourceSpec, TopicSpec } from '../../core/resources.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { CheckedDocument } from '../documents/check.ts'
import type { ClusterAdmins } from '../provision/clusters.ts'
import { failoverTimes } from '../provision/failover-times.ts'
import { Provisioner } from '../provision/provisioner.ts'
import type { Authority, Change, ControlState, ControlStore, StoreSnapshot } from '../store/control-store.ts'
import type { Mutex } from './mutex.ts'
import { Places } from './place.ts'
import { type PlannedChange, planChanges } from './plan-changes.ts'
import {
  type RealisedRoute,
  type RealisedTopic,
  realiseRoutes,
  realiseTopics,
  sinkRequest,
  topicRequest,
} from './realise.ts'
import { routeChanges, topicChanges } from './record.ts'

/** Topics and routes that are made and committed together: a commit costs a disk sync and wakes every follower. */
const chunkSize = 100
const reachDeadlineMs = 3000

export interface ApplierOptions {
  readonly store: ControlStore
  readonly admins: ClusterAdmins
  readonly logger: Logger
  /** Held from reading what is placed to committing what follows from it. */
  readonly commits: Mutex
  /** Called after each commit, with the new placement version. */
  readonly committed: (version: number) => Promise<void>
}

/**
 * Makes documents true: plans, makes the Kafka topics, and only then commits, so that no placement speaks of a topic that has no
 * leaders. The caller lets one run at a time. When it fails in the middle, what was committed before stays, and applying again goes on.
 */
export class Applier {
  readonly #options: ApplierOptions

  constructor(options: ApplierOptions) {
    this.#options = options
  }

  /** Checks everything that can be checked without changing anything. */
  async dryRun(documents: readonly CheckedDocument[]): Promise<ApplyResult> {
    const { store, admins } = this.#options
    const { state, placements } = await store.snapshot()
    const plan = planChanges(documents, state)
    const provisioner = new Provisioner(admins)
    const places = new Places({ state: plan.after, placements })
    const changes: ApplyChange[] = []
    for (const planned of plan.changes) {
      const notes =
        planned.action === 'unchanged' ? [] : await preview(planned, plan.after, places, provisioner)
      changes.push(report(planned, planned.action, notes))
    }
    const { version } = await store.position()
    return { dryRun: true, version, changes }
  }

  async apply(documents: readonly CheckedDocument[], by: Authority): Promise<ApplyResult> {
    const { store, admins } = this.#options
    const before = await store.load()
    const plan = planChanges(documents, before)
    const provisioner = new Provisioner(admins)
    const changes = await this.#applyPlain(plan.changes, by)
    // Routes are realised against what the store holds by then: their topics.
    for (const kind of ['Topic', 'Route'] as const) {
      const planned = plan.changes.filter((change) => change.kind === kind)
      for (let from = 0; from < planned.length; from += chunkSize)
        changes.push(...(await this.#applyChunk(planned.slice(from, from + chunkSize), provisioner, by)))
    }
    const { version } = await store.position()
    return { dryRun: false, version, changes }
  }

  /** Namespaces and clusters: nothing to make outside. */
  async #applyPlain(planned: readonly PlannedChange[], by: Authority): Promise<ApplyChange[]> {
    const plain = planned.filter(({ kind }) => kind === 'Namespace' || kind === 'Cluster')
    const changed = plain.filter(({ action }) => action !== 'unchanged')
    await this.#commit(
      changed.map(({ kind, spec }) => ({ action: 'put', kind, spec }) as Change),
      by,
    )
    return Promise.all(plain.map(async (change) => report(change, change.action, await this.#reach(change))))
  }

  /** A cluster may be added while it is down (a cold standby is); whoever adds it should hear of that. */
  async #reach(change: PlannedChange): Promise<readonly string[]> {
    if (change.kind !== 'Cluster' || change.action === 'unchanged') return []
    const spec = (change as PlannedChange<'Cluster'>).spec
    try {
      const { admins } = this.#options
      const described = await admins.describe(spec, reachDeadlineMs)
      const { length } = described.brokers
      return [
        `${length === 1 ? '1 broker' : `${length} brokers`} found`,
        ...(await failoverTimes(admins, spec, described)),
      ]
    } catch (error) {
      return [`does not answer now: ${(error as Error).message}`]
    }
  }

  /** Kafka is asked without the lock; what it came to is judged against what the store holds by then. */
  async #applyChunk(
    planned: readonly PlannedChange[],
    provisioner: Provisioner,
    by: Authority,
  ): Promise<readonly ApplyChange[]> {
    const { store, commits } = this.#options
    const realised = await this.#realise(planned, await store.snapshot(), provisioner)
    const recorded = await commits.run(async () => {
      const snapshot = await store.snapshot()
      const places = new Places(snapshot)
      const all = realised.map((one) => record(one, snapshot.state, places))
      // Topics that were made are recorded even when another of the chunk failed.
      await this.#commit(
        all.flatMap((one) => (one instanceof Error ? [] : one.changes)),
        by,
      )
      return all
    })
    return planned.map((change, index) => {
      const one = recorded[index]
      if (one === undefined || one instanceof Error)
        throw one ?? new Error(`${change.spec.name} was left out`)
      const isRepair = change.action === 'unchanged' && one.changes.length > 0
      return report(change, isRepair ? 'update' : change.action, one.notes)
    })
  }

  /** All of one kind, topics or routes. */
  async #realise(
    planned: readonly PlannedChange[],
    snapshot: StoreSnapshot,
    provisioner: Provisioner,
  ): Promise<readonly (RealisedTopic | RealisedRoute | Error)[]> {
    const { state } = snapshot
    const places = new Places(snapshot)
    if (planned[0]?.kind === 'Topic') {
      const specs = planned.map(({ spec }) => spec as TopicSpec)
      return realiseTopics(specs, state, places, provisioner)
    }
    const routes = planned.map(({ spec }) => spec as RouteResourceSpec)
    const topics = new Map([...state.Topic].map(([name, { spec }]) => [name, spec]))
    return realiseRoutes(routes, topics, state, places, provisioner)
  }

  async #commit(changes: readonly Change[], by: Authority): Promise<void> {
    if (changes.length === 0) return
    const version = await this.#options.store.commit(changes, by)
    this.#options.logger.info({ version, changes: changes.length, reason: by.reason }, 'committed')
    await this.#options.committed(version)
  }
}

interface Recorded {
  readonly changes: readonly Change[]
  readonly notes: readonly string[]
}

function record(
  realised: RealisedTopic | RealisedRoute | Error,
  state: ControlState,
  places: Places,
): Recorded | Error {
  if (realised instanceof Error) return realised
  try {
    const changes =
      'place' in realised ? topicChanges(realised, state, places) : routeChanges(realised, state)
    return { changes, notes: realised.notes }
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
}

async function preview(
  change: PlannedChange,
  after: ControlState,
  places: Places,
  provisioner: Provisioner,
): Promise<readonly string[]> {
  const request =
    change.kind === 'Topic'
      ? topicRequest(change.spec as TopicSpec, places.of(change.spec as TopicSpec).cluster, after)
      : change.kind === 'Route'
        ? sinkRequest(
            change.spec as RouteResourceSpec,
            topicOf(change.spec as RouteResourceSpec, after),
            after,
          )
        : undefined
  if (request === undefined) return []
  try {
    return await provisioner.preview(request)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return [error.message]
  }
}

function topicOf(route: RouteResourceSpec, state: ControlState): TopicSpec {
  const topic = state.Topic.get(route.topic)?.spec
  if (topic === undefined)
    throw new Problem('conflict', `Route ${route.name}: there is no topic ${route.topic}`)
  return topic
}

function report(
  planned: PlannedChange,
  action: ApplyChange['action'],
  notes: readonly string[],
): ApplyChange {
  const { kind, spec, changes } = planned
  return { kind, name: spec.name, action, changes, notes: [...new Set([...planned.notes, ...notes])] }
}
